{{/* Values that make no sense together end the rendering, with a message that says what to change. */}}
{{- define "lipiyana.checks" -}}
{{- $v := .Values -}}
{{- $name := include "lipiyana.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s is no name for a Service, which begins with a letter and has no dots: name the release otherwise" $name) -}}
{{- end -}}
{{- range $name := list "reserved" "surge" -}}
{{- $group := index $v $name -}}
{{- $ends := add $group.preStopSeconds $group.shutdownGraceSeconds -}}
{{- if ge $ends ($group.terminationGracePeriodSeconds | int64) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds is %v: it must be longer than preStopSeconds (%v) and shutdownGraceSeconds (%v) together, or Kubernetes kills a server that still answers" $name $group.terminationGracePeriodSeconds $group.preStopSeconds $group.shutdownGraceSeconds) -}}
{{- end -}}
{{- $limits := index $v.autoscaling $name -}}
{{- if gt ($limits.minReplicas | int) ($limits.maxReplicas | int) -}}
{{- fail (printf "autoscaling.%s.minReplicas is %v: it must not exceed maxReplicas (%v)" $name $limits.minReplicas $limits.maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- if gt ($v.surge.terminationGracePeriodSeconds | int) ($v.surge.noticeSeconds | int) -}}
{{- fail (printf "surge.terminationGracePeriodSeconds is %v: it must not exceed noticeSeconds (%v), after which the node is gone" $v.surge.terminationGracePeriodSeconds $v.surge.noticeSeconds) -}}
{{- end -}}
{{- if and (eq $v.autoscaling.mode "hpa") $v.surge.enabled -}}
{{- fail "autoscaling.mode hpa scales reserved pods only: set it to keda, or surge.enabled to false" -}}
{{- end -}}
{{- if and (eq $v.autoscaling.mode "hpa") (eq ($v.autoscaling.reserved.minReplicas | int) ($v.autoscaling.reserved.maxReplicas | int)) -}}
{{- fail (printf "autoscaling.mode hpa has nothing to scale: autoscaling.reserved.minReplicas and maxReplicas are both %v" $v.autoscaling.reserved.maxReplicas) -}}
{{- end -}}
{{- if and (eq $v.autoscaling.mode "keda") (not $v.monitoring.serviceMonitor.enabled) -}}
{{- fail "autoscaling.mode keda needs monitoring.serviceMonitor.enabled: KEDA asks Prometheus for the demand" -}}
{{- end -}}
{{- if and $v.tls.clientCertificates (not $v.tls.enabled) -}}
{{- fail "tls.clientCertificates needs tls.enabled" -}}
{{- end -}}
{{- if and $v.tls.enabled (not $v.tls.existingSecret) -}}
{{- fail "tls.enabled needs tls.existingSecret, a Secret with tls.crt and tls.key" -}}
{{- end -}}
{{- if and $v.tokens.enabled (not $v.tokens.existingSecret) (not $v.tokens.content) -}}
{{- fail "tokens.enabled needs tokens.existingSecret, a Secret with tokens.toml, or tokens.content" -}}
{{- end -}}
{{- if and $v.sharedCache.redis.enabled (not $v.sharedCache.enabled) -}}
{{- fail "sharedCache.redis.enabled needs sharedCache.enabled" -}}
{{- end -}}
{{- if and $v.inference.address $v.inference.triton.enabled -}}
{{- fail "set inference.address or inference.triton.enabled, not both" -}}
{{- end -}}
{{- if and $v.inference.caSecret (not (hasPrefix "grpcs://" $v.inference.address)) -}}
{{- fail "inference.caSecret needs TLS: write grpcs:// in inference.address" -}}
{{- end -}}
{{- with $v.inference.triton -}}
{{- if and (eq .accelerator "tensorrt-fp16") (not .gpus) -}}
{{- fail "inference.triton.accelerator tensorrt-fp16 needs inference.triton.gpus" -}}
{{- end -}}
{{- if and (eq .accelerator "openvino") .gpus -}}
{{- fail "inference.triton.accelerator openvino runs on CPUs: set inference.triton.gpus to 0" -}}
{{- end -}}
{{- if .scaleByGpu.enabled -}}
{{- if or (not .enabled) (not .gpus) (ne $v.autoscaling.mode "keda") -}}
{{- fail "inference.triton.scaleByGpu needs inference.triton.enabled, inference.triton.gpus and autoscaling.mode keda" -}}
{{- end -}}
{{- if gt (.scaleByGpu.minReplicas | int) (.scaleByGpu.maxReplicas | int) -}}
{{- fail (printf "inference.triton.scaleByGpu.minReplicas is %v: it must not exceed maxReplicas (%v)" .scaleByGpu.minReplicas .scaleByGpu.maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.extraEgress) -}}
{{- if $v.inference.address -}}
{{- fail "networkPolicy would cut off inference.address: allow it in networkPolicy.extraEgress" -}}
{{- end -}}
{{- if and $v.sharedCache.enabled (not $v.sharedCache.redis.enabled) -}}
{{- fail "networkPolicy would cut off the Redis of sharedCache: allow it in networkPolicy.extraEgress" -}}
{{- end -}}
{{- end -}}
{{- if gt ($v.batch.workers.min | int) ($v.batch.workers.max | int) -}}
{{- fail (printf "batch.workers.min is %v: it must not exceed max (%v)" $v.batch.workers.min $v.batch.workers.max) -}}
{{- end -}}
{{- end -}}
