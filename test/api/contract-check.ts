import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import type { Answer } from '../merchant.js';

// Its types describe an ES module; it exports the function itself.
const addFormats = addFormatsModule as unknown as (ajv: Ajv2020) => void;

interface Document {
  readonly components: object;
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
  >;
}

/** Holds answers against the OpenAPI document that the API itself serves. */
export class ContractCheck {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly compiled = new Map<string, ValidateFunction>();

  constructor(private readonly document: object) {
    addFormats(this.ajv);
  }

  /** Throws an Error that says what the answer has that the document does not. */
  check(method: string, url: string, answer: Answer): void {
    const path = new URL(url, 'http://localhost').pathname;
    if (!path.startsWith('/v1/')) return;
    const { paths, components } = this.document as Document;
    const template = Object.keys(paths).find((known) =>
      new RegExp(`^${known.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
    );
    const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
    if (template === undefined || !operation) {
      if (answer.status === 404 || answer.status === 405) return;
      throw new Error(`${method} ${path} is not in the OpenAPI document, and answered ${answer.status}`);
    }
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const content = operation.responses[String(answer.status)]?.content;
    const schema = content?.[type]?.schema;
    if (!schema) {
      throw new Error(
        `${method} ${template} answered ${answer.status} ${type}, undocumented: ${answer.text}`,
      );
    }
    const name = `${method} ${template} ${answer.status} ${type}`;
    const validate = this.compiled.get(name) ?? this.ajv.compile({ ...schema, components });
    this.compiled.set(name, validate);
    if (!validate(answer.body)) {
      const errors = this.ajv.errorsText(validate.errors);
      throw new Error(`${method} ${template} ${answer.status}: ${errors}\n${answer.text}`);
    }
  }
}
