#!/usr/bin/env bash
# What a deployment needs later: infra/README.md says when.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ROOT=infra/terraform/examples/minimal

usage() {
    cat >&2 <<END
usage: infra/upkeep.sh STEP
  backup                 keep the database as it is now
  roll-back DIGEST       run an image from before (its whole name, with @sha256:)
  backups                list the backups of the database
  restore BACKUP         put one of them back
  pause, resume          let nothing run for a while
  replay SOURCE          say what comes of an export (gs://BUCKET/PREFIX); nothing is written
  rebuild SPAN [FILTER]  fill an empty store with what Cloud Logging kept of that SPAN (7d)
  app-key FILE           another private key of the App
  marker-key             another key for markers; the one before stays known
  database-password N    another password; N is one more than the one before
  tear-down              delete all of it
PROJECT and REGION have to be set.
END
    exit 2
}

backup() {
    gcloud sql backups create --instance=fivewhys --project="$PROJECT"
}

roll-back() {
    echo "image = \"$1\"" >"$ROOT/image.auto.tfvars"
    infra/first-steps.sh apply restart
}

backups() {
    gcloud sql backups list --instance=fivewhys --project="$PROJECT"
}

restore() {
    alone gcloud sql backups restore "$1" --restore-instance=fivewhys --project="$PROJECT"
}

pause() {
    gcloud scheduler jobs pause fivewhys --project="$PROJECT" --location="$REGION" || return
    for execution in $(running); do
        gcloud run jobs executions cancel "$execution" --project="$PROJECT" \
            --region="$REGION" --quiet || return
    done
}

resume() {
    gcloud scheduler jobs resume fivewhys --project="$PROJECT" --location="$REGION"
    gcloud run jobs execute fivewhys --project="$PROJECT" --region="$REGION" --async
}

replay() { # what it says is shown in any case
    local status=0
    gcloud run jobs execute fivewhys-replay --project="$PROJECT" --region="$REGION" --wait \
        --args="^;;^replay;;$1;;--dry-run" || status=$?
    gcloud logging read --project="$PROJECT" --freshness=10m --order=asc \
        --format='value(textPayload)' \
        'resource.type="cloud_run_job" AND resource.labels.job_name="fivewhys-replay"'
    return "$status"
}

rebuild() { # whose logs these are says FIVEWHYS_LOGGING_PROJECT, which the job has
    store="$(terraform -chdir="$ROOT" output -raw store)"
    filter="${2:-$(terraform -chdir="$ROOT" output -raw log_filter)}"
    alone gcloud run jobs execute fivewhys --project="$PROJECT" --region="$REGION" --wait \
        --task-timeout=24h \
        --args="^;;^replay;;--from-logging;;$filter;;--since;;$1;;--store;;$store;;--sink;;github"
}

app-key() {
    gcloud secrets versions add fivewhys-github-app-key --project="$PROJECT" --data-file="$1"
    versions
    infra/first-steps.sh apply restart
}

marker-key() { # what the one before signed stays ours
    if [ -z "$(newest fivewhys-marker-key-former)" ]; then
        versions 1
        infra/first-steps.sh apply
    fi
    {
        former
        gcloud secrets versions access latest --secret=fivewhys-marker-key --project="$PROJECT"
    } | gcloud secrets versions add fivewhys-marker-key-former --project="$PROJECT" --data-file=-
    openssl rand -hex 32 | gcloud secrets versions add fivewhys-marker-key \
        --project="$PROJECT" --data-file=-
    versions
    infra/first-steps.sh apply restart
}

database-password() { # Terraform makes it, and does not keep it
    echo "database = { password_version = $1 }" >"$ROOT/database.auto.tfvars"
    infra/first-steps.sh apply restart
}

tear-down() {
    echo 'deletion_protection = false' >"$ROOT/tear-down.auto.tfvars"
    infra/first-steps.sh apply
    terraform -chdir="$ROOT" destroy
    gcloud artifacts repositories delete fivewhys --project="$PROJECT" --location="$REGION"
    gcloud storage rm --recursive "gs://$PROJECT-terraform"
}

versions() { # [FORMER]: pin the newest version of each secret
    cat >"$ROOT/secrets.auto.tfvars" <<END
secret_versions = {
  github_app_key    = "$(newest fivewhys-github-app-key)"
  marker_key        = "$(newest fivewhys-marker-key)"
  marker_key_former = "${1:-$(newest fivewhys-marker-key-former)}"
}
END
}

newest() { # SECRET: the number of its newest version, nothing if it has none
    gcloud secrets versions list "$1" --project="$PROJECT" --filter=state=ENABLED \
        --sort-by=~createTime --limit=1 --format='value(name.basename())' 2>/dev/null || true
}

former() { # all keys that signed before, if there are any
    if [ -n "$(newest fivewhys-marker-key-former)" ]; then
        gcloud secrets versions access latest --secret=fivewhys-marker-key-former \
            --project="$PROJECT"
    fi
}

alone() { # COMMAND: nothing else runs meanwhile; then all goes on, whatever came of it
    local status=0 begun=""
    if pause; then
        "$@" || { status=$? && begun="$(running)"; } # who waits may be cut off from what goes on
    else
        status=$?
    fi
    if [ -n "$begun" ]; then
        echo "$begun still runs; once it has ended: infra/upkeep.sh resume" >&2
    else
        resume
    fi
    return "$status"
}

running() { # executions of the runner that have not ended
    gcloud run jobs executions list --project="$PROJECT" --region="$REGION" --job=fivewhys \
        --filter='status.runningCount>0' --format='value(metadata.name)'
}

[ $# -gt 0 ] && [ -n "${PROJECT:-}" ] && [ -n "${REGION:-}" ] || usage
step="$1"
shift
case "$step:$#" in
    backup:0 | backups:0 | pause:0 | resume:0 | marker-key:0 | tear-down:0) ;;
    roll-back:1) [[ "$1" == *@sha256:* ]] || usage ;;
    replay:1) [[ "$1" == gs://* ]] || usage ;;
    restore:1 | app-key:1) [ -n "$1" ] || usage ;;
    rebuild:1 | rebuild:2) [[ "$1" =~ ^[0-9]+[mhd]$ ]] || usage ;;
    database-password:1) [[ "$1" =~ ^[0-9]+$ ]] || usage ;;
    *) usage ;;
esac
"$step" "$@"
