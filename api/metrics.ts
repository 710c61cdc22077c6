/** Counters in Prometheus's text format (0.0.4), written by hand: nothing here needs a library. */
export interface Metrics {
  count(name: CounterName, labels: Readonly<Record<string, string>>, by?: number): void;
  render(): string;
}

const counters = {
  quittance_http_requests_total: 'HTTP requests answered, by route and status.',
  quittance_http_request_seconds_total: 'Time spent answering HTTP requests, by route.',
  quittance_notifications_total: 'Callbacks of providers, by provider and what became of them.',
  quittance_returns_total: 'Payers who came back from a provider, by provider and what became of it.',
  quittance_payments_accepted_total: 'Payments accepted, by mode.',
} as const;

export type CounterName = keyof typeof counters;

/** Labels come from closed sets (routes, statuses, provider names), never from a request's content. */
export function createMetrics(): Metrics {
  const values = new Map<CounterName, Map<string, number>>();
  return {
    count(name, labels, by = 1) {
      const series = values.get(name) ?? new Map<string, number>();
      values.set(name, series);
      const key = Object.entries(labels)
        .map(([label, value]) => `${label}="${value.replace(/[\\"\n]/g, '_')}"`)
        .join(',');
      series.set(key, (series.get(key) ?? 0) + by);
    },
    render() {
      const lines = Object.entries(counters).flatMap(([name, help]) => [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} counter`,
        ...[...(values.get(name as CounterName) ?? [])].map(
          ([labels, value]) => `${name}{${labels}} ${value}`,
        ),
      ]);
      return `${lines.join('\n')}\n`;
    },
  };
}
