#!/usr/bin/env bash
# From an empty project to the first issue, step by step; infra/README.md says what each is for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ROOT=infra/terraform/examples/minimal

usage() {
    cat >&2 <<END
usage: infra/first-steps.sh STEP...
steps, in this order: project image settings apply secrets doctor start trial
two minutes later: plan; and later: budget or on, then apply restart
PROJECT and REGION have to be set for each; for settings ISSUES (owner/name of the repository),
APP_ID and INSTALLATION_ID; for secrets APP_KEY, the file of the App's private key.
END
    exit 2
}

project() { # what Terraform needs before it can begin
    gcloud services enable --project="$PROJECT" \
        artifactregistry.googleapis.com cloudresourcemanager.googleapis.com \
        cloudscheduler.googleapis.com iam.googleapis.com logging.googleapis.com \
        monitoring.googleapis.com pubsub.googleapis.com run.googleapis.com \
        secretmanager.googleapis.com sqladmin.googleapis.com storage.googleapis.com
    has gcloud storage buckets describe "gs://$PROJECT-terraform" ||
        gcloud storage buckets create "gs://$PROJECT-terraform" --project="$PROJECT" \
            --location="$REGION" --uniform-bucket-level-access --public-access-prevention
    gcloud storage buckets update "gs://$PROJECT-terraform" --versioning
    has gcloud artifacts repositories describe fivewhys --project="$PROJECT" \
        --location="$REGION" ||
        gcloud artifacts repositories create fivewhys --project="$PROJECT" \
            --location="$REGION" --repository-format=docker
}

image() { # built here, named by its digest from then on
    TAG="$REGION-docker.pkg.dev/$PROJECT/fivewhys/fivewhys:$(git rev-parse --short HEAD)"
    gcloud auth configure-docker "$REGION-docker.pkg.dev" --quiet
    docker build --platform=linux/amd64 --file infra/Dockerfile --tag "$TAG" .
    docker push "$TAG"
    DIGEST="$(gcloud artifacts docker images describe "$TAG" \
        --format='value(image_summary.fully_qualified_digest)')"
    echo "image = \"$DIGEST\"" >"$ROOT/image.auto.tfvars"
}

settings() { # what is yours; infra/terraform/README.md has the rest
    cat >"$ROOT/terraform.tfvars" <<END
project_id = "$PROJECT"
region     = "$REGION"
github = {
  repository      = "$ISSUES"
  app_id          = "$APP_ID"
  installation_id = "$INSTALLATION_ID"
}
END
    echo 'dry_run = true' >"$ROOT/adoption.auto.tfvars"
}

apply() { # shows what it is about to do, and asks
    terraform -chdir="$ROOT" init -backend-config="bucket=$PROJECT-terraform"
    terraform -chdir="$ROOT" apply
}

secrets() { # Terraform made the places; the values never go through it
    gcloud secrets versions add fivewhys-github-app-key --project="$PROJECT" \
        --data-file="$APP_KEY"
    openssl rand -hex 32 | gcloud secrets versions add fivewhys-marker-key \
        --project="$PROJECT" --data-file=-
}

doctor() { # in the cloud, as the account that will run; what it says is shown in any case
    local status=0
    gcloud run jobs execute fivewhys --project="$PROJECT" --region="$REGION" --args=doctor --wait \
        || status=$?
    gcloud logging read --project="$PROJECT" --freshness=10m --order=asc \
        --format='value(textPayload)' \
        'resource.type="cloud_run_job" AND resource.labels.job_name="fivewhys"'
    return "$status"
}

start() { # Cloud Scheduler starts each next execution
    gcloud run jobs execute fivewhys --project="$PROJECT" --region="$REGION" --async
}

trial() { # a failure of no service of yours, which a rule knows
    gcloud logging write fivewhys-trial --project="$PROJECT" --severity=CRITICAL \
        --monitored-resource-type=cloud_run_revision \
        --monitored-resource-labels="service_name=fivewhys-trial,revision_name=fivewhys-trial-1,location=$REGION" \
        "Missing critical user tables: ['fivewhys_trial']"
}

plan() { # what would be done in GitHub
    gcloud logging read --project="$PROJECT" --freshness=1d --order=asc \
        --format='value(timestamp,textPayload,jsonPayload.message)' \
        'labels."fivewhys.own"="1" AND "plan:"'
}

budget() { # at most five new issues a day
    printf 'dry_run    = false\nnew_issues = 5\n' >"$ROOT/adoption.auto.tfvars"
}

on() { # as many as there are
    printf 'dry_run    = false\nnew_issues = 0\n' >"$ROOT/adoption.auto.tfvars"
}

restart() { # what runs goes on with the settings that it was started with, so it is ended
    local before
    before="$(running)"
    start
    for execution in $before; do
        gcloud run jobs executions cancel "$execution" --project="$PROJECT" --region="$REGION" --quiet
    done
}

running() { # executions that have not ended
    gcloud run jobs executions list --project="$PROJECT" --region="$REGION" --job=fivewhys \
        --filter='status.runningCount>0' --format='value(metadata.name)'
}

has() { # COMMAND...: whether it finds what it describes
    "$@" >/dev/null 2>&1
}

needs() { # NAME...: stops unless each is set
    for name in "$@"; do
        if [ -z "${!name:-}" ]; then
            echo "infra/first-steps.sh: $name is not set" >&2
            usage
        fi
    done
}

[ $# -gt 0 ] || usage
for step in "$@"; do
    needs PROJECT REGION
    case "$step" in
        settings) needs ISSUES APP_ID INSTALLATION_ID ;;
        secrets)
            needs APP_KEY
            [ -r "$APP_KEY" ] || { echo "infra/first-steps.sh: cannot read $APP_KEY" >&2; usage; }
            ;;
        project | image | apply | doctor | start | plan | trial | budget | on | restart) ;;
        *) usage ;;
    esac
done
for step in "$@"; do "$step"; done
