#!/bin/sh
# Publishes the files of a CSV as a nightly job would, and says by its exit status what a person has to do.
#
#   sh publish.sh files.csv run.jsonl
#
# Run again with the same arguments, it continues where it ended: nothing that may have been processed is sent again, as long as
# the journal is there. So set ADDEPAR_JOURNAL_DIR to a folder that `addepar-portal journal init` set up once, on a disk that
# outlives the job (a volume, for a container), and keep the journal in it: one that is gone is missed then, and nothing is sent.
#
# SIGTERM, Ctrl-C and SIGHUP stop it after the request in flight. A second one to the script changes nothing, since all are handed
# on as SIGHUP: what the program says of a further Ctrl-C or SIGTERM holds for the program itself. To drop the request, send it SIGTERM.
# (Under nohup they are handed on as SIGTERM, and a second one drops it.)
#
# npm does not put the program on the PATH: set ADDEPAR_PORTAL=node_modules/.bin/addepar-portal then.

[ $# -eq 2 ] || {
    echo "usage: sh $0 FILES.csv JOURNAL.jsonl" >&2
    exit 2
}
portal=${ADDEPAR_PORTAL:-addepar-portal}
pid='' signal=''

# A shell that waits for a program hands no signal on to it. So this one runs it in the background, and hands all on as SIGHUP:
# a terminal or `timeout` signals the program besides, and a SIGTERM behind that would drop the request.
# Under nohup, which has the program ignore SIGHUP, they are handed on as SIGTERM.
to=HUP
[ -z "$(exec 2>/dev/null; sh -c 'kill -s HUP $$; echo ignored'; :)" ] || to=TERM
hand_on() {
    signal=$to
    [ -z "$pid" ] || kill -s "$to" "$pid" 2>/dev/null
}
trap hand_on TERM INT HUP

exec 3<&0 # In the background, standard input would be empty.
"$portal" publish --from "$1" --journal "$2" --yes \
    --portal-publishing publish --contact-notification use_contact_preference <&3 3<&- &
pid=$!
[ -z "$signal" ] || kill -s "$to" "$pid" 2>/dev/null # It came before there was a program to hand it on to.

wait "$pid"
status=$?
while [ "$signal" ]; do # A signal ends `wait`, and not the program.
    signal=''
    wait "$pid" 2>/dev/null
    again=$?
    [ $again -eq 127 ] || status=$again # 127: it had ended before the signal came.
done

case $status in
0) echo "All files are published." ;;
1) echo "Some files failed for some contacts, a person decided about some, or the results could not be written:" \
    "$portal journal show $2" ;;
2) echo "Nothing was sent: the message above says what to fix, or what to wait for." ;;
3) echo "Some files may have been published. Check them in Addepar, then record what you find in the journal that the" \
    "message above names: $portal journal resolve --help" ;;
4 | 5) echo "Not all files were sent. Fix the reason, then run this again." ;;
126 | 127) echo "Nothing was sent: the program $portal was not found, or could not be started." \
    "ADDEPAR_PORTAL may name it." ;;
130) echo "It was stopped. Run this again: it sends what is left, if anything. What was sent: $portal journal show $2" ;;
*) echo "It was ended ($status), and files may have been sent: $portal journal show $2" ;;
esac >&2
exit $status
