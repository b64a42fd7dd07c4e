#!/usr/bin/env bash
# Runs a program with directories of its own, so that no store of this machine is touched: in-a-home.sh PROGRAM [ARGUMENT...]
set -euo pipefail

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir "$home"/{run,state,config,modules,work}
cd "$home/work"
CMS_RUN_DIR=$home/run CMS_STATE_DIR=$home/state CMS_MODULES=$home/modules CMS_TEST_CONFIG=$home/config "$@"
