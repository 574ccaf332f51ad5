// A whole script: publishes 100 files and says which failed. Credentials come from the environment.

const { ADDEPAR_FIRM_ID, ADDEPAR_KEY_ID, ADDEPAR_KEY_SECRET } = process.env;
const MEDIA_TYPE = 'application/vnd.api+json';
const files_id = Array.from({ length: 100 }, (_, index) => index + 1);

const url = `${process.argv[2]}/v1/portal/publish_files`;
const headers = {
  Authorization: `Basic ${btoa(`${ADDEPAR_KEY_ID}:${ADDEPAR_KEY_SECRET}`)}`,
  'Addepar-Firm': ADDEPAR_FIRM_ID,
  Accept: MEDIA_TYPE,
  'Content-Type': MEDIA_TYPE,
};
const body = JSON.stringify({
  data: {
    type: 'publish_portal_files_request',
    attributes: { files_id, portal_publishing: 'PUBLISH', contact_notification: 'DO_NOT_NOTIFY' },
  },
});
const response = await fetch(url, { method: 'POST', headers, body });
if (!response.ok) throw new Error(`answered ${response.status}`);
const { data } = await response.json();
const results = data.map((row) => row.attributes);
const failed = results.filter((file) => file.publish_status !== 'success' || file.notify_status !== 'success');
console.log(JSON.stringify(failed.map((file) => file.file_id)));
