{{/* server.toml: the chart's own settings, then those of `settings`. JSON's strings and lists are TOML's too. */}}
{{- define "lipiyana.serverToml" -}}
host = "0.0.0.0"
port = 50051
metrics_port = 9090
{{- if .Values.http.enabled }}
http_port = 8080
{{- end }}
{{- if .Values.tls.enabled }}
tls_certificate = "/etc/lipiyana/tls/tls.crt"
tls_key = "/etc/lipiyana/tls/tls.key"
{{- if .Values.tls.clientCertificates }}
tls_client_ca = "/etc/lipiyana/tls/ca.crt"
{{- end }}
{{- end }}
{{- if .Values.tokens.enabled }}
tokens = "/etc/lipiyana/tokens/tokens.toml"
{{- end }}
{{- if .Values.sharedCache.enabled }}
shared_cache_ttl = {{ .Values.sharedCache.ttlSeconds | toJson }}
{{- end }}
{{- with include "lipiyana.inference" . }}
inference = {{ . | toJson }}
{{- if $.Values.inference.caSecret }}
inference_ca = "/etc/lipiyana/inference/ca.crt"
{{- end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if not (kindIs "invalid" $value) }}
{{ $name }} = {{ $value | toRawJson }}
{{- end }}
{{- end }}
{{- end -}}
