// Says a file of records (JSON Lines) on the bus and waits for a receipt of each.
//
//     npm ci && node say.mjs nats://centre-10966:PASSWORD@HOST:4222 10966 records.jsonl
//
// Ends with 0 when everything is in the journal, with 1 when something was rejected or not answered; in both cases it may
// be run again: what the journal has already is answered `duplicate` and counts once.
import { readFileSync } from "node:fs";
import { connect, headers } from "@nats-io/transport-node";
import { jetstream } from "@nats-io/jetstream";

const PATIENCE = 30_000; // milliseconds without a receipt after which the rest is called unanswered
const [url, unit, path] = process.argv.slice(2);
const { host: servers, username: user, password: pass } = new URL(url); // connect() leaves out what stands before the @
const inbox = `_INBOX.centre.${unit}`; // the account hears nothing else
const bus = await connect({ servers, user, pass, inboxPrefix: inbox });
const waiting = new Map(), early = [], counts = { accepted: 0, duplicate: 0, rejected: 0 };
let timer, done;
const finished = new Promise((resolve) => (done = resolve));

function take(receipt) {
  const id = waiting.get(receipt.sequence);
  if (id === undefined) return; // of an earlier run, or said twice
  waiting.delete(receipt.sequence);
  counts[receipt.status] += 1;
  if (receipt.status === "rejected") console.log(`${id}: ${receipt.field} ${receipt.reason} (${receipt.advice})`);
}

let published = false;
bus.subscribe(`${inbox}.receipts`, {
  callback: (_, message) => {
    early.push(...message.json());
    if (!published) return; // a receipt may be here before the server's word that the record is stored
    clearTimeout(timer);
    timer = setTimeout(done, PATIENCE);
    early.splice(0).forEach(take);
    if (waiting.size === 0) done();
  },
});
for (const line of readFileSync(path, "utf8").split("\n").filter((one) => one.trim())) {
  const record = JSON.parse(line);
  const kind = record.type.replace(/^vn\.motcua\.onestop\./, "").replace(/\.v1$/, "");
  const said = headers();
  said.set("Motcua-Receipt-To", `${inbox}.receipts`);
  // no Nats-Msg-Id: the journal knows a repetition by (source, id) and answers it; the bus would swallow it
  const stored = await jetstream(bus).publish(`onestop.v1.${unit}.${kind}`, JSON.stringify(record), { headers: said });
  waiting.set(stored.seq, record.id);
}
published = true;
early.splice(0).forEach(take);
if (waiting.size > 0) {
  timer = setTimeout(done, PATIENCE);
  await finished;
}
clearTimeout(timer);
const told = Object.entries(counts).map(([status, count]) => `${count} ${status}`).join(", ");
console.log(`${told} and ${waiting.size} unanswered`);
await bus.drain();
process.exit(counts.rejected || waiting.size ? 1 : 0);
