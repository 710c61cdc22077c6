/** Our statements' `?` as PostgreSQL's `$1`, `$2`, …. None of them has a question mark of its own. */
export function toPositional(text: string): string {
  let count = 0;
  return text.replaceAll('?', () => `$${(count += 1)}`);
}
