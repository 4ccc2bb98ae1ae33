{{/* Which pods: all of a service, or with a region those of one. Takes (list $ SERVICE) or (list $ SERVICE REGION). */}}
{{- define "selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- if eq (len .) 3 }}
steadfast.dev/region: {{ index . 2 }}
{{- end }}
{{- end }}

{{/* The labels of everything that belongs to a service. Takes the same. */}}
{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/part-of: streaming-platform
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- /* What is none of the services is a part of the pipeline: viewers get along without it. */}}
steadfast.dev/criticality: {{ dig (index . 1) "criticality" "degradable" (index . 0).Values.services }}
{{- end }}

{{/* What the inventory of an environment reads. Takes a service of the values. */}}
{{- define "calls" -}}
steadfast.dev/calls: {{ join "," .calls | quote }}
{{- end }}

{{- define "image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The policies with the weaknesses merged in that `weakened` names, one after the other. */}}
{{- define "policies" -}}
{{- $known := .Files.Get "files/weaknesses.yaml" | fromYaml -}}
{{- $policies := .Files.Get "files/policies.yaml" | fromYaml -}}
{{- range .Values.weakened -}}
{{- if not (hasKey $known .) -}}
{{- fail (printf "there is no weakness %q (known: %s)" . (keys $known | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $policies = mergeOverwrite $policies (index $known .) -}}
{{- end -}}
{{- toYaml $policies -}}
{{- end }}

{{/* What every pod is told of the others: pod.py reads it. */}}
{{- define "platform" -}}
regions: {{ toJson .Values.regions }}
port: {{ .Values.port }}
domain: {{ printf "%s.svc.%s" .Release.Namespace .Values.clusterDomain }}
edges: {{ toJson .Values.edgeAddresses }}
hubs: {{ toJson .Values.hubAddresses }}
replicas:
{{- range $name, $service := .Values.services }}
  {{ $name }}: {{ $service.replicas }}
{{- end }}
{{- if .Values.pipeline.enabled }}
stores:
{{- range $region := .Values.regions }}
  {{ $region }}: {{ include "shelf" (list $ $region) }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the pods of everything stand on. Takes (list $ NAME REGION). */}}
{{- define "ground" -}}
{{- $root := index . 0 -}}{{- $region := index . 2 -}}{{- $whose := . -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
nodeSelector:
  {{ $root.Values.regionLabel }}: {{ $region }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
# Not in one zone and not on one node, where there is a choice.
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "selector" $whose | nindent 8 }}
  {{- end }}
dnsConfig:
  options:
    # All names that are looked up are whole ones, and a lost answer must not hold the next for five seconds.
    - {name: ndots, value: "1"}
    - {name: timeout, value: "1"}
    - {name: attempts, value: "2"}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* The pod of a service in a region. Takes (list $ SERVICE REGION). */}}
{{- define "pod" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $region := index . 2 -}}
{{- $service := index $root.Values.services $name -}}
metadata:
  labels:
    {{- include "labels" . | nindent 4 }}
  annotations:
    {{- include "calls" $service | nindent 4 }}
    # A service reads its policies when it starts, so other policies are other pods.
    checksum/config: {{ printf "%s%s" (include "policies" $root) (include "platform" $root) | sha256sum }}
spec:
  serviceAccountName: {{ $name }}
  {{- include "ground" . | nindent 2 }}
  terminationGracePeriodSeconds: 10
  containers:
    - name: {{ $name }}
      image: {{ include "image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [steadfast-service, {{ $name }}]
      env:
        - {name: REGION, value: {{ $region }}}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        {{- range $variable, $key := dict "SESSION_KEY" "sessionKey" "LICENCE_SECRET" "licenceSecret" }}
        - {name: {{ $variable }}, valueFrom: {secretKeyRef: {name: {{ include "secret" $root }}, key: {{ $key }}}}}
        {{- end }}
      ports:
        - {name: http, containerPort: {{ $root.Values.port }}}
      startupProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 1
        failureThreshold: 120
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      # Only for what does not come back by itself: a restart under load makes the load of the others larger.
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      lifecycle:
        # The address leaves the lists of callers while the old pod still answers.
        preStop: {exec: {command: [sleep, {{ $root.Values.drainSeconds | quote }}]}}
      resources:
        {{- toYaml (mergeOverwrite (deepCopy $root.Values.resources) (default dict (index $root.Values.resourcesOf $name))) | nindent 8 }}
      securityContext:
        {{- include "locked" $root | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/streaming, readOnly: true}
        - {name: data, mountPath: /data}
        - {name: logs, mountPath: /logs}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: config
      configMap: {name: {{ include "config" $root }}}
    - {name: logs, emptyDir: {sizeLimit: 256Mi}}
    - {name: tmp, emptyDir: {sizeLimit: 64Mi}}
    {{- if not (and $service.keepsData $root.Values.persistence.enabled) }}
    - {name: data, emptyDir: {sizeLimit: {{ $root.Values.dataLimit }}}}
    {{- end }}
{{- end }}

{{- define "config" -}}
{{ .Release.Name }}-config
{{- end }}

{{- define "secret" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" .Release.Name) }}
{{- end }}
