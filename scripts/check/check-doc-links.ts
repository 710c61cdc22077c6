import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from '../set-up/repository-root.js';

const SKIPPED = new Set(['node_modules', 'dist', '.quittance', '.git']);

export interface BrokenLink {
  file: string;
  line: number;
  target: string;
  why: string;
}

/** Every relative link of the Markdown files below `root` whose file or heading does not exist. */
export function findBrokenLinks(root: string): BrokenLink[] {
  return markdownFiles(root).flatMap((file) =>
    linksIn(readFileSync(file, 'utf8')).flatMap(({ line, target }) => {
      const why = problemOf(root, file, target);
      return why === undefined ? [] : [{ file: relative(root, file), line, target, why }];
    }),
  );
}

function problemOf(root: string, file: string, target: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(target)) return undefined;
  const [path = '', fragment] = decode(target).split('#', 2);
  const wanted = path.startsWith('/') ? join(root, path) : resolve(dirname(file), path);
  const destination = path === '' ? file : wanted;
  if (relative(root, destination).startsWith('..')) return 'lies outside the repository';
  if (!existsSync(destination)) return 'there is no such file';
  if (fragment === undefined || !destination.endsWith('.md')) return undefined;
  return anchorsIn(readFileSync(destination, 'utf8')).has(fragment.toLowerCase())
    ? undefined
    : 'there is no such heading';
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch {
    return target;
  }
}

/** Inline links and images, reference definitions and href/src of HTML, outside code. */
export function linksIn(markdown: string): { line: number; target: string }[] {
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+["'][^)]*)?\)/g,
    /^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/g,
    /(?:href|src)="([^"]+)"/g,
  ];
  return withoutCode(markdown).flatMap((text, index) =>
    patterns.flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => ({ line: index + 1, target: match[1] ?? '' })),
    ),
  );
}

/** GitHub's anchors: lower case, punctuation gone, spaces as hyphens, a number behind what repeats. */
export function anchorsIn(markdown: string): Set<string> {
  const anchors = new Set<string>();
  const seen = new Map<string, number>();
  for (const line of withoutFences(markdown)) {
    for (const match of line.matchAll(/<a\s+(?:id|name)="([^"]+)"/g))
      anchors.add((match[1] ?? '').toLowerCase());
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const text = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]+>/g, '');
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}

function withoutCode(markdown: string): string[] {
  return withoutFences(markdown).map((line) => line.replace(/(`+)(?:(?!\1).)+\1/g, ''));
}

/** Lines inside code fences become empty, so that line numbers stay. */
function withoutFences(markdown: string): string[] {
  let fence: string | undefined;
  return markdown.split('\n').map((line) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && mark !== undefined) {
      fence = mark;
      return '';
    }
    if (fence === undefined) return line;
    if (mark?.startsWith(fence) === true) fence = undefined;
    return '';
  });
}

function markdownFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !SKIPPED.has(name))
    .map((name) => join(directory, name))
    .flatMap((path) =>
      statSync(path).isDirectory() ? markdownFiles(path) : path.endsWith('.md') ? [path] : [],
    );
}

function main(): void {
  const broken = findBrokenLinks(repositoryRoot());
  for (const { file, line, target, why } of broken)
    process.stderr.write(`${file}:${line}: ${target}: ${why}\n`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
