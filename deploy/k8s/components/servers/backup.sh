#!/bin/sh
# Writes the whole database into /backups and deletes copies older than KEEP days. A copy that was not finished has another name.
set -eu
umask 077
PGPASSWORD=$(cat "$PGPASSWORD_FILE")
export PGPASSWORD
copy=$BACKUPS/hallpulse-$(date -u +%Y%m%dT%H%M%SZ).dump
pg_dump --format=custom --file="$copy.unfinished"
pg_restore --list "$copy.unfinished" >/dev/null
mv "$copy.unfinished" "$copy"
find "$BACKUPS" -name 'hallpulse-*.dump*' -mtime "+$KEEP" -delete
echo "backup: $copy, $(wc -c <"$copy") bytes"
