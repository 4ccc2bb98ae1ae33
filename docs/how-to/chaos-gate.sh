#!/usr/bin/env bash
# chaos-gate.sh: ask the question, and let the deploy pass only when the answer is yes.
#
#   chaos-gate.sh EXPERIMENT... [any option of `chaos run`]
#
# Leaves gate/junit.xml, gate/reports/ and gate/verdict.txt ($GATE_DIR instead of gate). Exits with the code of `chaos run`.
# An inconclusive answer is asked once more ($GATE_ATTEMPTS, default 2): a busy runner is no fault of the release.
# It is never taken for a yes.
set -u
gate=${GATE_DIR:-gate}
attempts=${GATE_ATTEMPTS:-2}
mkdir -p "$gate" || exit 2

attempt=1
while true; do
  chaos run "$@" --junit "$gate/junit.xml" --out "$gate/reports"
  code=$?
  if [ "$code" -ne 3 ] || [ "$attempt" -ge "$attempts" ]; then break; fi
  attempt=$((attempt + 1))
  echo "chaos-gate: inconclusive, asking again ($attempt of $attempts)"
done

case $code in
  0) verdict='held: deploy' ;;
  1) verdict='deviated: do not deploy. The release does not survive what it says it survives; read the report.' ;;
  2) verdict='bad input: do not deploy. A file or an option is wrong, nothing was asked.' ;;
  3) verdict='inconclusive: do not deploy. Nothing is known against the release, and nothing for it: the question was not answered.' ;;
  4) verdict='refused: do not deploy. The system was not fit to be asked (not up, not steady, not armed); nothing was injected.' ;;
  5) verdict='aborted: do not deploy. A guardrail stopped it, everything was put back.' ;;
  6) verdict='STILL BROKEN: do not deploy, and call somebody. A fault could not be taken back: `chaos rollback`.' ;;
  130 | 143) verdict='interrupted: do not deploy. Somebody, or a timeout of the pipeline, ended the run; everything was put back.' ;;
  *) verdict="exit code $code: do not deploy. That is a bug of the tool, not an answer." ;;
esac
echo "chaos-gate: $verdict"
echo "$verdict" > "$gate/verdict.txt"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then echo "**Chaos gate** $verdict" >> "$GITHUB_STEP_SUMMARY"; fi
exit "$code"
