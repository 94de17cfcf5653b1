{{/* The server's pod, of either group. Takes a dict: root, group (reserved or surge). */}}
{{- define "lipiyana.serverTemplate" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $group := index $values .group -}}
{{- $name := include "lipiyana.fullname" .root -}}
metadata:
  labels:
    {{- include "lipiyana.labels" (dict "root" .root "component" "server") | nindent 4 }}
    lipiyana/group: {{ .group }}
  annotations:
    # a changed file restarts the pods
    checksum/settings: {{ include "lipiyana.serverToml" .root | sha256sum }}
spec:
  {{- include "lipiyana.podSecurity" .root | nindent 2 }}
  {{- include "lipiyana.pullSecrets" .root | trim | nindent 2 }}
  # longer than the server's own grace and the pause before it
  terminationGracePeriodSeconds: {{ $group.terminationGracePeriodSeconds }}
  {{- with $group.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if eq .group "surge" }}
  {{- include "lipiyana.onSpot" .root | nindent 2 }}
  {{- else }}
  {{- include "lipiyana.offSpot" .root | nindent 2 }}
  {{- end }}
  {{- if $values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- $group := .group }}
    {{- range $key, $skew := dict "topology.kubernetes.io/zone" $values.topologySpread.zoneSkew "kubernetes.io/hostname" $values.topologySpread.nodeSkew }}
    - topologyKey: {{ $key }}
      maxSkew: {{ $skew }}
      whenUnsatisfiable: ScheduleAnyway  # a pod that is badly placed reads more than one that is pending
      labelSelector:
        matchLabels:
          {{- include "lipiyana.selector" (dict "root" $root "component" "server") | nindent 10 }}
          lipiyana/group: {{ $group }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  containers:
    - name: server
      image: {{ include "lipiyana.image" .root }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [lipiyana, serve, --config, /etc/lipiyana/server.toml, --log-format, json]
      env:
        - {name: MALLOC_ARENA_MAX, value: "2"}  # fewer pools of freed memory
        # what differs between the groups, and takes precedence over the file
        - {name: LIPIYANA_SHUTDOWN_GRACE, value: {{ $group.shutdownGraceSeconds | quote }}}
        {{- if $values.sharedCache.enabled }}
        - name: LIPIYANA_SHARED_CACHE_SECRET
          valueFrom: {secretKeyRef: {name: {{ $values.sharedCache.existingSecret }}, key: secret}}
        {{- if $values.sharedCache.redis.enabled }}
        - name: REDIS_PASSWORD
          valueFrom: {secretKeyRef: {name: {{ $values.sharedCache.existingSecret }}, key: password}}
        - name: LIPIYANA_SHARED_CACHE_URL
          value: redis://:$(REDIS_PASSWORD)@{{ $name }}-redis:6379/0
        {{- else }}
        - name: LIPIYANA_SHARED_CACHE_URL
          valueFrom: {secretKeyRef: {name: {{ $values.sharedCache.existingSecret }}, key: url}}
        {{- end }}
        {{- end }}
      ports:
        - {name: grpc, containerPort: 50051}
        - {name: metrics, containerPort: 9090}
        {{- if $values.http.enabled }}
        - {name: http, containerPort: 8080}
        {{- end }}
      resources:
        requests: {cpu: {{ $values.resources.cpu }}, memory: {{ $values.resources.memory }}}
        limits: {cpu: {{ $values.resources.cpu }}, memory: {{ $values.resources.memory }}}
      # Ready after the warm-up, and no more once SIGTERM came. A `grpc` probe tells the same, but the kubelet does
      # not speak TLS with it.
      startupProbe:
        httpGet: {path: /ready, port: metrics}
        periodSeconds: 2
        failureThreshold: 60
      readinessProbe:
        httpGet: {path: /ready, port: metrics}
        periodSeconds: 5
      # The metrics come from Python: this fails if native code never gives up the global lock. A busy server passes.
      livenessProbe:
        httpGet: {path: /metrics, port: metrics}
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 6
      lifecycle:
        preStop:
          # until clients and load balancers have heard that the pod goes
          exec: {command: [sleep, {{ $group.preStopSeconds | quote }}]}
      {{- include "lipiyana.containerSecurity" .root | nindent 6 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/lipiyana/server.toml, subPath: server.toml, readOnly: true}
        # folders, not subPath: only those change in place when a Secret does, and the server reads certificates and
        # tokens anew without a restart
        {{- if $values.tls.enabled }}
        - {name: tls, mountPath: /etc/lipiyana/tls, readOnly: true}
        {{- end }}
        {{- if $values.tokens.enabled }}
        - {name: tokens, mountPath: /etc/lipiyana/tokens, readOnly: true}
        {{- end }}
        {{- if $values.inference.caSecret }}
        - {name: inference, mountPath: /etc/lipiyana/inference, readOnly: true}
        {{- end }}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - {name: settings, configMap: {name: {{ $name }}}}
    {{- if $values.tls.enabled }}
    - {name: tls, secret: {secretName: {{ $values.tls.existingSecret }}, defaultMode: 0440}}
    {{- end }}
    {{- if $values.tokens.enabled }}
    - {name: tokens, secret: {secretName: {{ include "lipiyana.tokensSecret" .root }}, defaultMode: 0440}}
    {{- end }}
    {{- with $values.inference.caSecret }}
    - {name: inference, secret: {secretName: {{ . }}, defaultMode: 0440}}
    {{- end }}
    - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
{{- end -}}
