{{/* A pod of the Ray cluster. Takes a dict: root, name, size (cpu, memory), spot. */}}
{{- define "lipiyana.rayTemplate" -}}
{{- $batch := .root.Values.batch -}}
metadata:
  labels:
    {{- include "lipiyana.labels" (dict "root" .root "component" "batch") | nindent 4 }}
spec:
  {{- include "lipiyana.podSecurity" .root | nindent 2 }}
  {{- include "lipiyana.pullSecrets" .root | trim | nindent 2 }}
  {{- if .spot }}
  {{- include "lipiyana.onSpot" .root | nindent 2 }}
  terminationGracePeriodSeconds: {{ .root.Values.surge.terminationGracePeriodSeconds }}
  {{- else }}
  {{- include "lipiyana.offSpot" .root | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ printf "%s:%s" $batch.image.repository $batch.image.tag }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      env:
        - {name: RAY_USAGE_STATS_ENABLED, value: "0"}
        - {name: HOME, value: /tmp}
      {{- with $batch.existingSecret }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      resources:
        requests: {cpu: {{ .size.cpu }}, memory: {{ .size.memory }}}
        limits: {cpu: {{ .size.cpu }}, memory: {{ .size.memory }}}
      # KubeRay's own probes call wget, which the image does not have
      readinessProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        periodSeconds: 5
        failureThreshold: 10
      livenessProbe:
        httpGet: {path: /api/local_raylet_healthz, port: 52365}
        initialDelaySeconds: 30
        periodSeconds: 5
        failureThreshold: 120
      {{- include "lipiyana.containerSecurity" .root | nindent 6 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        - {name: shm, mountPath: /dev/shm}
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: {{ $batch.existingClaim }}}}
    - {name: tmp, emptyDir: {}}
    # Ray's store of objects; a small one would be put on the disk
    - {name: shm, emptyDir: {medium: Memory, sizeLimit: 1Gi}}
{{- end -}}
