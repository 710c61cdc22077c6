// Stops what a killed parent left behind. `kill -9` of the parent gives it no chance to stop its children, so
// this process, in a session of its own, holds the other end of a pipe: when the pipe closes, whatever is
// still registered is stopped, last started first. Plain JavaScript: it is started from the sources too.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const GRACE_MS = 10_000;

/** @type {Map<number, string>} pid → signal that stops it cleanly */
const registered = new Map();

process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const message = JSON.parse(line);
    if (message.add) registered.set(message.add, message.signal);
    if (message.remove) registered.delete(message.remove);
  })
  .on('close', async () => {
    for (const [pid, signal] of [...registered].reverse()) await stop(pid, signal);
    process.exit(0);
  });

async function stop(pid, signal) {
  send(pid, signal);
  for (const deadline = Date.now() + GRACE_MS; isAlive(pid) && Date.now() < deadline;)
    await new Promise((resolve) => setTimeout(resolve, 50));
  if (isAlive(pid)) send(pid, 'SIGKILL');
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    // A zombie has ended, even where nobody reaps it (a container without an init process).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return true;
  }
}

function send(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone.
  }
}
