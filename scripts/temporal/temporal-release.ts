import { createHash } from 'node:crypto';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { SetupError, type Progress, type ProgressReporter } from '../set-up/progress.js';

const CONNECT_TIMEOUT_MS = 5_000;
const STALL_TIMEOUT_MS = 20_000;
const MEGABYTE = 1024 * 1024;

export interface ReleaseChecksums {
  version: string;
  sha256: Record<string, string>;
}

/** `linux-amd64`, in the words of Temporal's releases. */
export function platformName(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}-${arch === 'x64' ? 'amd64' : arch}`;
}

/** The pinned release into the cache; false, with the reason added, when it cannot be had here. */
export async function downloadRelease(
  pinned: ReleaseChecksums,
  target: string,
  progress: ProgressReporter,
  reasons: string[],
): Promise<boolean> {
  const platform = platformName();
  const expected = pinned.sha256[platform];
  if (expected === undefined) {
    reasons.push(
      `release ${pinned.version}: no checksum is committed for ${platform}, so it is not downloaded`,
    );
    return false;
  }
  try {
    await progress(`downloading Temporal CLI ${pinned.version} for ${platform}`, async (step) => {
      const archive = await fetchFirst(releaseUrls(pinned.version, platform), step);
      const binary = unpackVerified(archive, expected);
      const draft = `${target}.${process.pid}.download`;
      writeFileSync(draft, binary);
      chmodSync(draft, 0o755);
      renameSync(draft, target);
    });
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    reasons.push(`release ${pinned.version}: ${message}`);
    return false;
  }
}

export function releaseUrls(version: string, platform: string): string[] {
  const asset = `temporalio/cli/releases/download/v${version}/temporal_cli_${version}_${platform.replace('-', '_')}.tar.gz`;
  return [`https://temporal.download/assets/${asset}`, `https://github.com/${asset}`];
}

/** An archive with another checksum is not even unpacked. */
export function unpackVerified(archive: Buffer, expectedSha256: string): Buffer {
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expectedSha256)
    throw new SetupError(
      `the downloaded archive has the SHA-256 ${actual} and not the committed ${expectedSha256}: it was thrown away, not run`,
    );
  const binary = tarEntry(gunzipSync(archive), 'temporal');
  if (binary === undefined) throw new SetupError('the archive holds no file named temporal');
  return binary;
}

/** One file of a tar archive: 512-byte headers with the name at 0 and the octal size at 124. */
export function tarEntry(archive: Buffer, name: string): Buffer | undefined {
  for (let offset = 0; offset + 512 <= archive.length;) {
    const header = archive.subarray(offset, offset + 512);
    const field = (start: number, end: number) => header.toString('latin1', start, end).replace(/\0.*$/s, '');
    const entry = field(0, 100);
    const size = parseInt(field(124, 136).trim() || '0', 8);
    if (entry === '' || Number.isNaN(size)) return undefined;
    const start = offset + 512;
    if (entry.replace(/^\.\//, '') === name) return archive.subarray(start, start + size);
    offset = start + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

/** All addresses are asked at once and the first that answers serves: a dead one costs no time. */
async function fetchFirst(urls: readonly string[], progress: Progress): Promise<Buffer> {
  const attempts = urls.map(async (url) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), CONNECT_TIMEOUT_MS);
    try {
      const response = await fetch(url, { signal: abort.signal });
      if (!response.ok || response.body === null) throw new Error(`${url}: HTTP ${response.status}`);
      return { response, abort };
    } finally {
      clearTimeout(timer);
    }
  });
  let winner: { response: Response; abort: AbortController };
  try {
    winner = await Promise.any(attempts);
  } catch (error) {
    const hosts = urls.map((url) => new URL(url).host).join(' or ');
    throw new SetupError(`no download from ${hosts}: ${reasonsOf(error).join('; ')}`);
  }
  for (const attempt of attempts)
    attempt.then(({ abort }) => abort !== winner.abort && abort.abort()).catch(() => undefined);
  return readBody(winner.response, winner.abort, progress);
}

function reasonsOf(error: unknown): string[] {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const reasons = errors.map((one) => {
    if (!(one instanceof Error)) return String(one);
    if (one.name === 'AbortError') return `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
    return (one.cause as { code?: string } | undefined)?.code ?? one.message;
  });
  return [...new Set(reasons)];
}

async function readBody(response: Response, abort: AbortController, progress: Progress): Promise<Buffer> {
  const total = Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let received = 0;
  let stall = setTimeout(() => abort.abort(), STALL_TIMEOUT_MS);
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(stall);
      stall = setTimeout(() => abort.abort(), STALL_TIMEOUT_MS);
      chunks.push(chunk);
      received += chunk.length;
      const of = total > 0 ? ` of ${(total / MEGABYTE).toFixed(0)}` : '';
      progress.update(`${(received / MEGABYTE).toFixed(0)}${of} MB`);
    }
  } finally {
    clearTimeout(stall);
  }
  return Buffer.concat(chunks);
}
