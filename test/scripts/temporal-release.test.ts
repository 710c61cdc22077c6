import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isSupportedVersion } from '../../scripts/temporal/temporal-binary.js';
import {
  platformName,
  releaseUrls,
  tarEntry,
  unpackVerified,
} from '../../scripts/temporal/temporal-release.js';

function tar(files: Record<string, string>): Buffer {
  const blocks = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    return [header, Buffer.concat([Buffer.from(content)], Math.ceil(content.length / 512) * 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

describe('the pinned Temporal release', () => {
  const archive = gzipSync(tar({ LICENSE: 'x'.repeat(700), temporal: 'the program' }));

  it('is unpacked when its checksum is the committed one', () => {
    expect(unpackVerified(archive, sha256(archive)).toString()).toBe('the program');
  });

  it('is refused with any other checksum', () => {
    expect(() => unpackVerified(archive, sha256(Buffer.from('other')))).toThrow(/thrown away, not run/);
  });

  it('yields nothing for a file the archive does not hold', () => {
    expect(tarEntry(tar({ LICENSE: 'text' }), 'temporal')).toBeUndefined();
  });

  it('has the version of the Go module, and checksums of the right form', () => {
    const pinned = JSON.parse(readFileSync('tools/temporal/release-checksums.json', 'utf8'));
    expect(readFileSync('tools/temporal/go.mod', 'utf8')).toContain(
      `github.com/temporalio/cli v${pinned.version}`,
    );
    for (const checksum of Object.values(pinned.sha256)) expect(checksum).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is named as Temporal names platforms', () => {
    expect(platformName('linux', 'x64')).toBe('linux-amd64');
    expect(releaseUrls('1.8.2', 'darwin-arm64')[1]).toBe(
      'https://github.com/temporalio/cli/releases/download/v1.8.2/temporal_cli_1.8.2_darwin_arm64.tar.gz',
    );
  });
});

describe('a temporal on PATH', () => {
  it.each([
    ['temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)', true],
    ['temporal version 1.6.0 (Server 1.30.0, UI 2.44.0)', true],
    ['temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)', false],
    ['temporal version 2.0.0 (Server 2.0.0)', true],
    ['temporal version 0.0.0-DEV (Server 1.31.2, UI 2.50.1)', true],
    ['temporal version 0.0.0-DEV (Server 1.27.0, UI 2.30.0)', false],
    ['tctl version 1.18.0', false],
  ])('%s is supported: %s', (output, expected) => {
    expect(isSupportedVersion(output)).toBe(expected);
  });
});
