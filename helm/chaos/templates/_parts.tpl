{{/* Labels of everything here. Takes (list $ COMPONENT); the component is run, keeper or reader. */}}
{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/part-of: steadfast
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: chaos
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "claim" -}}
{{ .Values.reports.claim.existingClaim | default (printf "%s-reports" .Release.Name) }}
{{- end }}

{{- define "experiments" -}}
{{ .Values.experiments.configMap | default (printf "%s-experiments" .Release.Name) }}
{{- end }}

{{/* The environment file. */}}
{{- define "environment" -}}
apiVersion: chaos/v1
kind: Environment
name: {{ .Values.environment.name }}
type: kubernetes
armed: true
settings:
  namespaces: {{ toJson .Values.environment.namespaces }}
  {{- with .Values.environment.selector }}
  selector: {{ toJson . }}
  {{- end }}
  {{- with .Values.environment.settings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What all pods of the toolkit share. Takes (list $ COMPONENT). */}}
{{- define "pod" -}}
{{- $root := index . 0 -}}
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "container" -}}
image: {{ include "image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The description of a Job that asks questions. Takes (list $ JOB), JOB being .Values.job or .Values.nightly. */}}
{{- define "run" -}}
{{- $root := index . 0 -}}{{- $job := index . 1 -}}
{{- if not $job.experiments }}{{ fail "which experiments are to run? name them in `experiments` of job or nightly" }}{{ end -}}
# Asked once: an answer that is not green is an answer, and a question asked again until it is green is none.
backoffLimit: 0
activeDeadlineSeconds: {{ $job.deadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "labels" (list $root "run") | nindent 6 }}
      steadfast.dev/observer: "true"
    annotations:
      # A run that is moved elsewhere is a run that is cut off.
      cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
  spec:
    serviceAccountName: {{ $root.Release.Name }}-run
    restartPolicy: Never
    # SIGTERM ends a run as a person would: everything is reverted first.
    terminationGracePeriodSeconds: 90
    {{- include "pod" (list $root "run") | nindent 4 }}
    {{- with $root.Values.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
      - name: chaos
        {{- include "container" $root | nindent 8 }}
        args:
          - run
          {{- range $job.experiments }}
          {{- if regexMatch "\\.ya?ml$" . }}
          {{- if and (not $root.Values.experiments.configMap) (not (hasKey $root.Values.experiments.files .)) }}
          {{- fail (printf "there is no %q under experiments.files (there are: %s)" . (keys $root.Values.experiments.files | sortAlpha | join ", ")) }}
          {{- end }}
          - /etc/steadfast/experiments/{{ . }}
          {{- else }}
          - {{ . }}
          {{- end }}
          {{- end }}
          - --environment=/etc/steadfast/environment/environment.yaml
          - --out=/data/reports
          - --junit=/data/reports/junit.xml
          {{- with $job.workers }}
          - --workers={{ . }}
          {{- end }}
          {{- range $job.arguments }}
          - {{ toJson . }}
          {{- end }}
        env:
          - {name: STEADFAST_HOME, value: /data/steadfast}
          - {name: HOME, value: /tmp}
          - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        resources:
          {{- toYaml $root.Values.resources | nindent 10 }}
        # `kubectl describe pod` shows how a run that was not green ended.
        terminationMessagePolicy: FallbackToLogsOnError
        volumeMounts:
          - {name: environment, mountPath: /etc/steadfast/environment, readOnly: true}
          - {name: experiments, mountPath: /etc/steadfast/experiments, readOnly: true}
          # Each pod has a folder of its own in the claim: nobody takes another's journal for that of a dead run.
          - {name: data, mountPath: /data{{ if $root.Values.reports.claim.enabled }}, subPathExpr: $(POD_NAME){{ end }}}
          - {name: tmp, mountPath: /tmp}
    volumes:
      - {name: environment, configMap: {name: {{ $root.Release.Name }}-environment}}
      - {name: experiments, configMap: {name: {{ include "experiments" $root }}}}
      - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
      {{- if $root.Values.reports.claim.enabled }}
      - {name: data, persistentVolumeClaim: {claimName: {{ include "claim" $root }}}}
      {{- else }}
      - {name: data, emptyDir: {sizeLimit: {{ $root.Values.reports.size }}}}
      {{- end }}
{{- end }}
