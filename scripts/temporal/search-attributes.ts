import type { Connection } from '@temporalio/client';

export type SearchAttributeType = 'Keyword' | 'Text' | 'Int' | 'Datetime' | 'Bool';

// The numbers of temporal.api.enums.v1.IndexedValueType.
const INDEXED_VALUE_TYPES: Record<SearchAttributeType, number> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Bool: 5,
  Datetime: 6,
};

/**
 * Registers what is missing, by the operator API and not by start-dev's `--search-attribute`, which is heeded
 * only when the namespace is made: an attribute added later would be missing from yesterday's database.
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Record<string, SearchAttributeType>,
): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace, wanted);
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(
    missing.map(([name, type]) => [name, INDEXED_VALUE_TYPES[type]]),
  );
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

async function missingSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Record<string, SearchAttributeType>,
): Promise<[string, SearchAttributeType][]> {
  const present = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.entries(wanted).filter(([name]) => !(name in (present.customAttributes ?? {})));
}

/** For a server on which we may not register any (Temporal Cloud has tools of its own for it). */
export function registrationCommand(namespace: string, wanted: Record<string, SearchAttributeType>): string {
  const options = Object.entries(wanted).map(([name, type]) => `--name ${name} --type ${type}`);
  return `temporal operator search-attribute create --namespace ${namespace} ${options.join(' ')}`;
}
