import { labelText, renderMetrics, type Metric, type Sample } from '../config/prometheus-text.js';

/** Counters of this process, since it started. */
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
  const values = new Map<string, Map<string, { labels: Sample['labels']; value: number }>>();
  return {
    count(name, labels, by = 1) {
      const series = values.get(name) ?? new Map<string, { labels: Sample['labels']; value: number }>();
      values.set(name, series);
      const key = labelText(labels);
      const sample = series.get(key) ?? { labels, value: 0 };
      sample.value += by;
      series.set(key, sample);
    },
    render() {
      const metrics = Object.entries(counters).map(([name, help]): Metric => {
        return { name, help, type: 'counter', samples: [...(values.get(name)?.values() ?? [])] };
      });
      return renderMetrics(metrics);
    },
  };
}
