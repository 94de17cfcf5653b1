{{/* Names and labels. */}}

{{- define "lipiyana.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which a component's pods are found. Takes a dict: root, component. */}}
{{- define "lipiyana.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* All labels of a component's objects. Takes a dict: root, component. */}}
{{- define "lipiyana.labels" -}}
{{ include "lipiyana.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "lipiyana.image" -}}
{{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end -}}

{{- define "lipiyana.tokensSecret" -}}
{{- if .Values.tokens.content -}}
{{ include "lipiyana.fullname" . }}-tokens
{{- else -}}
{{ .Values.tokens.existingSecret }}
{{- end -}}
{{- end -}}

{{/* Address of the server of the models; empty if the models run in the server itself. */}}
{{- define "lipiyana.inference" -}}
{{- if .Values.inference.triton.enabled -}}
grpc://{{ include "lipiyana.fullname" . }}-triton:8001
{{- else -}}
{{ .Values.inference.address }}
{{- end -}}
{{- end -}}

{{/* Labels of the time series of this release, as the ServiceMonitor leaves them. */}}
{{- define "lipiyana.series" -}}
namespace="{{ .Release.Namespace }}",service="{{ include "lipiyana.fullname" . }}"
{{- end -}}
