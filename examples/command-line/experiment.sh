#!/bin/sh
# An experiment without credentials: a simulated portal, and a file about which one contact cannot be e-mailed. Each line can
# be pasted into a shell.

unset ADDEPAR_BASE_URL ADDEPAR_FIRM_NAME ADDEPAR_JOURNAL_DIR # nothing real is reached, and nothing is kept
rm -f portal.sh run.jsonl
addepar-portal simulate --files 37:1+2,38:3 --fail-notify 37:1 > portal.sh &
until [ -s portal.sh ] || ! kill -0 $!; do sleep 0.1; done; . ./portal.sh
addepar-portal publish 37 38 --portal-publishing publish --contact-notification notify --journal run.jsonl --yes
addepar-portal journal show run.jsonl
kill $!; rm portal.sh run.jsonl*
