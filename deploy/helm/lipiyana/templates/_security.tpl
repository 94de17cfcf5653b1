{{/* What every pod of this chart may do: nothing that it need not. */}}

{{- define "lipiyana.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false  # Kubernetes would set LIPIYANA_PORT for a Service of this name
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001  # which may read the secrets
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "lipiyana.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "lipiyana.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Spot nodes: required, and their taints tolerated. */}}
{{- define "lipiyana.onSpot" -}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            {{- range .Values.surge.nodeLabels }}
            - {key: {{ .key | quote }}, operator: In, values: [{{ .value | quote }}]}
            {{- end }}
{{- with .Values.surge.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Other nodes than these. */}}
{{- define "lipiyana.offSpot" -}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            {{- range .Values.surge.nodeLabels }}
            - {key: {{ .key | quote }}, operator: NotIn, values: [{{ .value | quote }}]}
            {{- end }}
{{- with .Values.reserved.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.reserved.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
