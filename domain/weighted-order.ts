/**
 * An order by weight that depends on nothing but its seed, so that a replay, a confirm and a dry run of the same
 * payment agree. Of two entries with weights 70 and 30 the first comes first for 70 % of all seeds.
 */
export function weightedOrder<Entry extends { readonly weight: number }>(
  entries: readonly Entry[],
  seed: string,
): Entry[] {
  const left = [...entries];
  const ordered: Entry[] = [];
  while (left.length > 0) {
    const total = left.reduce((sum, { weight }) => sum + weight, 0);
    const index = indexAt(left, hash(`${seed}/${ordered.length}`) % total);
    ordered.push(...left.splice(index, 1));
  }
  return ordered;
}

/** Which entry a point of the whole weight falls into. */
function indexAt(entries: readonly { readonly weight: number }[], point: number): number {
  let passed = 0;
  return entries.findIndex(({ weight }) => (passed += weight) > point);
}

/** FNV-1a with the finish of MurmurHash3: 32 bits, spread well enough to share out payments, and no more than that. */
function hash(text: string): number {
  let mixed = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193);
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
