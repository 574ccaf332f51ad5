#!/bin/sh
# Publishes the files of a CSV as a nightly job would, and says by its exit status what a person has to do.
#
#   sh publish.sh files.csv run.jsonl
#
# Run again with the same arguments, it continues where it ended: nothing that may have been processed is sent again.

addepar-portal publish --from "$1" --journal "$2" --yes \
    --portal-publishing publish --contact-notification use_contact_preference
status=$?

case $status in
0) echo "All files are published." ;;
1) echo "Some files failed for some contacts: addepar-portal journal show $2" ;;
3) echo "Some files may have been published. Check them in Addepar, then: addepar-portal journal resolve $2 --help" ;;
4 | 5) echo "Not all files were sent. Fix the reason, then run this again." ;;
2) echo "Nothing was sent: the message above says what to fix." ;;
*) echo "It was ended ($status), and files may have been sent: addepar-portal journal show $2" ;;
esac >&2
exit $status
