// Takes every published report of the city's communes: checks it, keeps its files, acknowledges it.
//
//     npm ci && node subscribe.mjs nats://city:PASSWORD@HOST:4222 report-key.pem FOLDER
//
// May be killed and started again at any moment: a report counts as taken when `report.json` lies in its folder, and is
// acknowledged after that. What is not genuine goes to FOLDER/refused and is tried again at the next start, in case the
// key was the wrong one.
import { createHash, createPublicKey, verify } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname, join, basename } from "node:path";
import { connect, headers } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";

const SOURCE = "/city";
// seconds until a report is looked at again whose files are not there yet, or are not the ones that were signed
const RETRY = Number(process.env.RETRY_SECONDS ?? 60);
const [url, keyFile, out] = process.argv.slice(2);
const { host: servers, username: user, password: pass } = new URL(url); // connect() leaves out what stands before the @
const key = createPublicKey(readFileSync(keyFile));
class NotGenuine extends Error {} // the report is not the one that was signed
class NotYet extends Error {} // a file is missing or is another one; it may be mended

// the canonical JSON of RFC 8785: members sorted by UTF-16 units, numbers and strings as JSON.stringify writes them
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// one object: its description, then its chunks; the account may make no consumer, which an object-store client would
async function fetch(name) {
  const meta = `$O.REPORTS.M.${Buffer.from(name).toString("base64").replaceAll("+", "-").replaceAll("/", "_")}`;
  const description = await jsm.streams.getMessage("OBJ_REPORTS", { last_by_subj: meta });
  if (description === null) return null;
  const { nuid, size } = description.json();
  const chunks = [];
  for (let length = 0, last = 0; length < size; ) {
    const chunk = await jsm.streams.getMessage("OBJ_REPORTS", { seq: last + 1, next_by_subj: `$O.REPORTS.C.${nuid}` });
    if (chunk === null) return null;
    chunks.push(chunk.data);
    [length, last] = [length + chunk.data.length, chunk.seq];
  }
  return Buffer.concat(chunks);
}

// write a file whole or not at all, and on the disk before anybody is told
function keep(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = join(dirname(path), `.${basename(path)}.part`);
  const file = openSync(draft, "w");
  writeSync(file, content);
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
}

// the report that an event carries; whatever else may stand on the subject is no report
function reportOf(body) {
  try {
    const { data } = JSON.parse(Buffer.from(body).toString("utf8"));
    if (data !== null && typeof data === "object") return data;
  } catch {}
  throw new NotGenuine("is no event about a report");
}

function isGenuine(report) {
  const { signature, ...rest } = report;
  return typeof signature === "string" && verify(null, Buffer.from(canonical(rest)), key, Buffer.from(signature, "base64"));
}

async function take(report) {
  // before anything that it says is believed
  if (!isGenuine(report)) throw new NotGenuine("the signature does not hold for this key");
  const version = `${report.unit} ${report.report} v${report.version}`;
  console.log(`taking ${version}`);
  const folder = join(out, report.unit, report.period, report.form, `v${report.version}`);
  if (!existsSync(join(folder, "report.json"))) {
    for (const file of report.files) {
      const content = await fetch(file.object);
      if (content === null) throw new NotYet(`${version}: ${file.name} is not in the bucket`);
      if (createHash("sha256").update(content).digest("hex") !== file.sha256)
        throw new NotYet(`${version}: ${file.name} has another checksum than was signed`);
      keep(join(folder, file.name), content);
    }
    keep(join(folder, "report.json"), Buffer.from(canonical(report))); // last: from here on the report is taken
  }
  const { unit, form, period, fingerprint } = report;
  const id = `${SOURCE}/${unit}/${report.report}/${report.version}`; // the same however often it is said
  const said = headers();
  said.set("Nats-Msg-Id", id);
  const acknowledgement = {
    specversion: "1.0", id, source: SOURCE, type: "vn.motcua.report.acknowledged.v1", subject: report.report,
    time: new Date().toISOString(), datacontenttype: "application/json",
    data: { unit, form, period, version: report.version, fingerprint },
  };
  await js.publish(`report.v1.${unit}.acknowledged`, JSON.stringify(acknowledgement), { headers: said });
  console.log(`acknowledged ${version}`);
}

async function handle(message) {
  const name = message.subject.split(".").at(-1);
  if (name === "published" || name === "restated") {
    try {
      await take(reportOf(message.data));
    } catch (reason) {
      if (reason instanceof NotGenuine) {
        keep(join(out, "refused", `${message.seq}.json`), message.data);
        console.log(`REFUSED ${message.subject}: ${reason.message}`);
        message.term();
      } else if (reason instanceof NotYet || reason.name === "TimeoutError") {
        console.log(`later: ${reason.message}`);
        message.nak(RETRY * 1000);
      } else throw reason; // end: whoever runs this starts it again, and the message comes back
      return;
    }
  } else if (name === "acknowledgement_refused") {
    console.log(`acknowledgement refused: ${message.json().data.reason}`);
  }
  await message.ackAck();
}

async function retryRefused() {
  const folder = join(out, "refused");
  for (const name of existsSync(folder) ? readdirSync(folder).filter((one) => one.endsWith(".json")).sort() : []) {
    try {
      await take(reportOf(readFileSync(join(folder, name))));
      unlinkSync(join(folder, name));
    } catch (reason) {
      console.log(`still refused: ${name}: ${reason.message}`);
    }
  }
}

const bus = await connect({ servers, user, pass, inboxPrefix: "_INBOX.city", maxReconnectAttempts: -1 });
const js = jetstream(bus);
const jsm = await jetstreamManager(bus, { checkAPI: false }); // the account may not ask for the whole bus
await retryRefused();
const feed = await js.consumers.get("REPORT", "city");
console.log("listening");
for (;;) {
  const message = await feed.next({ expires: 30_000 });
  if (message !== null) await handle(message); // null: nothing was said
}
