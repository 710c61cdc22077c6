import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anchorsIn, findBrokenLinks, linksIn } from '../../scripts/check/check-doc-links.js';

describe("documents' links", () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'quittance-links-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('finds links, images, definitions and HTML, but none in code', () => {
    const markdown =
      '[a](a.md "title") ![b](b.png)\n`[c](c.md)`\n```\n[d](d.md)\n```\n[e]: e.md\n<a href="f.md">';
    expect(linksIn(markdown).map(({ line, target }) => `${line} ${target}`)).toEqual([
      '1 a.md',
      '1 b.png',
      '6 e.md',
      '7 f.md',
    ]);
  });

  it('makes the anchors GitHub makes, Chinese headings and repeated ones too', () => {
    const anchors = anchorsIn(
      '# One payment, two *words*\n## 快速开始（本地）\n## Same\n## Same\n```\n# not one\n```',
    );
    expect([...anchors]).toEqual(['one-payment-two-words', '快速开始本地', 'same', 'same-1']);
  });

  it('reports the missing file, the missing heading and the way out of the repository', () => {
    writeFileSync(
      join(root, 'a.md'),
      '[x](b.md#there) [y](b.md#gone)\n[z](c.md)\n[o](../etc/passwd) [w](https://x.y)',
    );
    writeFileSync(join(root, 'b.md'), '# There');
    expect(findBrokenLinks(root).map(({ line, target, why }) => `${line} ${target}: ${why}`)).toEqual([
      '1 b.md#gone: there is no such heading',
      '2 c.md: there is no such file',
      '3 ../etc/passwd: lies outside the repository',
    ]);
  });
});
