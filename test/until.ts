/** Waits for a condition, never for luck: asks until it holds, and says what it saw last where it never did. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false | null>,
  timeoutMs = 20_000,
): Promise<T> {
  const endMs = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= endMs) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`${what} did not come true within ${timeoutMs} ms; last: ${seen}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
