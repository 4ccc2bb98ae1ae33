{{/* The region that has the pipeline when it is one pod, and that has the studio. */}}
{{- define "pipeline region" -}}
{{ .Values.pipeline.region | default (first .Values.regions) }}
{{- end }}

{{/* What runs in which pods: a list of parts, each with its replicas and what its containers do. As JSON, under `parts`. */}}
{{- define "pipeline parts" -}}
{{- $wanted := .Values.pipeline -}}
{{- if ne (empty $wanted.store) (empty $wanted.queue) -}}
{{- fail "pipeline.store and pipeline.queue belong together: both empty, or s3://BUCKET?... and nats://HOST:PORT/NAME" -}}
{{- end -}}
{{- $home := include "pipeline region" . -}}
{{- if not (has $home .Values.regions) -}}
{{- fail (printf "pipeline.region: there is no region %q (regions: %s)" $home (join ", " .Values.regions)) -}}
{{- end -}}
{{- $parts := list -}}
{{- if empty $wanted.store -}}
{{- $does := list "shelf" -}}
{{- range until (int $wanted.workers) }}{{ $does = append $does "work" }}{{ end -}}
{{- if $wanted.studio }}{{ $does = append $does "studio" }}{{ end -}}
{{- $parts = append $parts (dict "name" "pipeline" "region" $home "replicas" 1 "does" $does) -}}
{{- else -}}
{{- range $region := .Values.regions -}}
{{- $parts = append $parts (dict "name" "shelf" "region" $region "replicas" $wanted.shelves "does" (list "shelf")) -}}
{{- $parts = append $parts (dict "name" "worker" "region" $region "replicas" $wanted.workers "does" (list "work")) -}}
{{- end -}}
{{- if $wanted.studio -}}
{{- $parts = append $parts (dict "name" "studio" "region" $home "replicas" 1 "does" (list "studio")) -}}
{{- end -}}
{{- end -}}
{{- dict "parts" $parts | toJson -}}
{{- end }}

{{/* Where origins of a region fetch titles. Takes (list $ REGION). */}}
{{- define "shelf" -}}
{{- $root := index . 0 -}}
{{- $region := ternary (include "pipeline region" $root) (index . 1) (empty $root.Values.pipeline.store) -}}
{{ printf "http://shelf-%s.%s.svc.%s:%v" $region $root.Release.Namespace $root.Values.clusterDomain $root.Values.port }}
{{- end }}

{{/* The pod of a part. Takes (list $ PART). */}}
{{- define "pipeline pod" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}{{- $wanted := $root.Values.pipeline -}}
{{- $whose := list $root $part.name $part.region -}}
metadata:
  labels:
    {{- include "labels" $whose | nindent 4 }}
    {{- if has "shelf" $part.does }}
    steadfast.dev/shelf: {{ $part.region }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: {{ first $part.does }}
spec:
  serviceAccountName: pipeline
  {{- include "ground" $whose | nindent 2 }}
  terminationGracePeriodSeconds: 10
  # A worker that is killed leaves no dead encoder behind, and can be killed from the container beside it.
  shareProcessNamespace: {{ gt (len $part.does) 1 }}
  containers:
    {{- range $number, $does := $part.does }}
    {{- $port := add $root.Values.port $number }}
    - name: {{ ternary (printf "work-%d" $number) $does (and (eq $does "work") (gt (len $part.does) 1)) }}
      image: {{ $wanted.image.repository }}:{{ $wanted.image.tag | default $root.Chart.AppVersion }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [python, -m, target_platform.pipeline, {{ $does }}]
      args: [--host, 0.0.0.0, --port, {{ $port | quote }}{{ if eq $does "work" }}, --acknowledge, {{ $wanted.acknowledge }}{{ end }}]
      env:
        {{- include "pipeline variables" $root | trim | nindent 8 }}
      ports:
        - {name: {{ eq $number 0 | ternary "http" (printf "http-%d" $number) }}, containerPort: {{ $port }}}
      # What it is ready for it says by listening: a studio has made its first title by then.
      startupProbe:
        tcpSocket: {port: {{ $port }}}
        periodSeconds: 1
        failureThreshold: 300
      {{- if ne $does "studio" }}
      readinessProbe:
        httpGet: {path: {{ eq $does "shelf" | ternary "/objects?prefix=current/" "/" | quote }}, port: {{ $port }}}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 3
      {{- end }}
      livenessProbe:
        tcpSocket: {port: {{ $port }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      {{- if eq $does "shelf" }}
      lifecycle:
        preStop: {exec: {command: [sleep, {{ $root.Values.drainSeconds | quote }}]}}
      {{- end }}
      resources:
        {{- toYaml (index $wanted.resources (eq $does "work" | ternary "worker" $does)) | nindent 8 }}
      securityContext:
        {{- include "locked" $root | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: scratch, mountPath: /scratch}
        - {name: tmp, mountPath: /tmp}
    {{- end }}
  volumes:
    # What a worker has in hand. Nothing of it must be kept.
    - {name: scratch, emptyDir: {sizeLimit: {{ $wanted.scratchSize }}}}
    - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
    {{- if not (and (eq $part.name "pipeline") $root.Values.persistence.enabled) }}
    - {name: data, emptyDir: {sizeLimit: {{ $wanted.size }}}}
    {{- end }}
{{- end }}

{{/* Credentials stand first, so that a place can name them: nats://$(NATS_USER):$(NATS_PASSWORD)@HOST:PORT/NAME. */}}
{{- define "pipeline variables" -}}
{{- $wanted := .Values.pipeline -}}
{{- if $wanted.credentialsSecret -}}
{{- range $variable := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "NATS_USER" "NATS_PASSWORD" }}
- {name: {{ $variable }}, valueFrom: {secretKeyRef: {name: {{ $wanted.credentialsSecret }}, key: {{ $variable }}, optional: true}}}
{{- end }}
{{- end }}
- {name: STEADFAST_STORE, value: {{ $wanted.store | default "/data/store" | quote }}}
{{- with $wanted.queue }}
- {name: STEADFAST_QUEUE, value: {{ . | quote }}}
{{- end }}
- {name: STEADFAST_SCRATCH, value: /scratch}
- {name: STEADFAST_LEASE_SECONDS, value: {{ $wanted.leaseSeconds | quote }}}
- {name: STEADFAST_LICENCE_SECRET, valueFrom: {secretKeyRef: {name: {{ include "secret" . }}, key: licenceSecret}}}
{{- end }}

{{/* The port that a place is asked at: what it names, or that of HTTP or HTTPS. Takes s3://... or nats://... */}}
{{- define "port of" -}}
{{- $address := regexReplaceAll "^s3://[^?]*(\\?(.*&)?endpoint_url=([^&]*).*)?.*$" . "${3}" | default (hasPrefix "nats://" . | ternary . "https://s3") -}}
{{- $named := regexFind ":[0-9]+(/|$)" $address | trimPrefix ":" | trimSuffix "/" -}}
{{- $named | default (hasPrefix "nats://" $address | ternary "4222" (hasPrefix "https://" $address | ternary "443" "80")) -}}
{{- end }}
