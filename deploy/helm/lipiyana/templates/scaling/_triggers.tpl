{{/* Expressions of PromQL by which KEDA scales. */}}

{{- define "lipiyana.demand" -}}
{{- $series := include "lipiyana.series" . -}}
{{- $window := .Values.autoscaling.keda.windowSeconds -}}
sum(avg_over_time(lipiyana_queue_pictures{ {{- $series -}} }[{{ $window }}s])) + sum(avg_over_time(lipiyana_running_pictures{ {{- $series -}} }[{{ $window }}s]))
{{- end -}}

{{/* NaN, where nothing was read, is not greater than 0. */}}
{{- define "lipiyana.wait" -}}
(histogram_quantile(0.95, sum by (le) (rate(lipiyana_queue_wait_seconds_bucket{ {{- include "lipiyana.series" . -}} }[1m]))) > 0) or vector(0)
{{- end -}}

{{/* A trigger. Takes a dict: root, name, query, threshold, type. */}}
{{- define "lipiyana.trigger" -}}
{{- $keda := .root.Values.autoscaling.keda -}}
- type: prometheus
  name: {{ .name }}
  metricType: {{ .type }}
  metadata:
    serverAddress: {{ $keda.prometheusAddress }}
    query: {{ .query | toRawJson }}
    threshold: {{ .threshold | quote }}
    activationThreshold: {{ default 0 .activation | quote }}
    {{- if $keda.authenticationRef }}
    authModes: bearer
  authenticationRef:
    name: {{ $keda.authenticationRef }}
    {{- end }}
{{- end -}}

{{/* How fast groups grow and shrink. */}}
{{- define "lipiyana.behaviour" -}}
scaleUp:
  stabilizationWindowSeconds: 0
  selectPolicy: Max
  policies:
    - {type: Pods, value: {{ .Values.autoscaling.keda.podsUp }}, periodSeconds: 15}
    - {type: Percent, value: 100, periodSeconds: 15}
scaleDown:
  stabilizationWindowSeconds: {{ .Values.autoscaling.keda.stabilizationSeconds }}
  policies:
    - {type: Percent, value: 100, periodSeconds: 15}
{{- end -}}
