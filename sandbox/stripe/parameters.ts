import { invalid } from './refusal.js';

/** Parameters as they came, by their full names: `metadata[order]`, `expand[0]`. */
export type Parameters = ReadonlyMap<string, string>;

const MAX_PARAMETERS = 200;

/** A form or a query; the bodies of API v1 are never JSON. */
export function readParameters(text: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    // `expand[]=a&expand[]=b` is the other way to write a list.
    const key = name.endsWith('[]') ? nextOf(parameters, name.slice(0, -2)) : name;
    if (parameters.has(key)) throw invalid(`Received ${key} twice`, { param: key });
    parameters.set(key, value);
  }
  if (parameters.size > MAX_PARAMETERS) throw invalid('Too many parameters');
  return parameters;
}

function nextOf(parameters: Parameters, name: string): string {
  const count = [...parameters.keys()].filter((key) => key.startsWith(`${name}[`)).length;
  return `${name}[${count}]`;
}

/** Refuses what the endpoint does not know. `names` end in `[]` for a list and in `{}` for a hash. */
export function allowOnly(parameters: Parameters, names: readonly string[]): void {
  for (const key of parameters.keys()) {
    const root = key.replace(/\[\d+\]$/, '[]').replace(/\[(?!\])[^\]]+\]$/, '{}');
    if (names.includes(root)) continue;
    throw invalid(`Received unknown parameter: ${key}`, { code: 'parameter_unknown', param: key });
  }
}

export function text(parameters: Parameters, name: string, maxLength = 500): string | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  if (value === '') {
    const message = `You passed an empty string for '${name}'.`;
    throw invalid(message, { code: 'parameter_invalid_empty', param: name });
  }
  if (value.length > maxLength) throw invalid(`Invalid string: ${name} is too long`, { param: name });
  return value;
}

export function required(parameters: Parameters, name: string): string {
  const value = text(parameters, name);
  if (value !== undefined) return value;
  const message = `Missing required param: ${name}.`;
  throw invalid(message, { code: 'parameter_missing', param: name });
}

export function integer(parameters: Parameters, name: string): number | undefined {
  const value = text(parameters, name);
  if (value === undefined) return undefined;
  if (/^-?\d{1,15}$/.test(value)) return Number(value);
  throw invalid(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: name });
}

export function choice<Choice extends string>(
  parameters: Parameters,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = text(parameters, name);
  if (value === undefined) return undefined;
  const found = choices.find((each) => each === value);
  if (found) return found;
  throw invalid(`Invalid ${name}: must be one of ${choices.join(', ')}`, { param: name });
}

export function flag(parameters: Parameters, name: string): boolean {
  return choice(parameters, name, ['true', 'false']) === 'true';
}

export function items(parameters: Parameters, name: string): string[] {
  return [...parameters].filter(([key]) => key.startsWith(`${name}[`)).map(([, value]) => value);
}

const MAX_METADATA = 50;

export function metadata(parameters: Parameters): Record<string, string> {
  const pairs = [...parameters]
    .map(([key, value]) => [/^metadata\[([^\]]{1,40})\]$/.exec(key)?.[1], value] as const)
    .filter((pair): pair is [string, string] => pair[0] !== undefined);
  if (pairs.length > MAX_METADATA || pairs.some(([, value]) => value.length > 500)) {
    throw invalid('Metadata has at most 50 keys of 40 and values of 500 characters', { param: 'metadata' });
  }
  return Object.fromEntries(pairs);
}
