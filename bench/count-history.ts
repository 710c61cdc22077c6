import type { Client } from '@temporalio/client';

export interface HistoryCount {
  readonly events: number;
  /** Workflow tasks that a worker completed. */
  readonly workflowTasks: number;
  /** Tasks that timed out or failed: above 0, the run was disturbed. */
  readonly brokenWorkflowTasks: number;
}

/** Exactly what one run cost, read from its own history. */
export async function countHistory(client: Client, workflowId: string): Promise<HistoryCount> {
  const { events = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
  const count = (field: 'workflowTaskCompletedEventAttributes' | BrokenField) =>
    (events ?? []).filter((event) => event[field]).length;
  return {
    events: events?.length ?? 0,
    workflowTasks: count('workflowTaskCompletedEventAttributes'),
    brokenWorkflowTasks:
      count('workflowTaskTimedOutEventAttributes') + count('workflowTaskFailedEventAttributes'),
  };
}

type BrokenField = 'workflowTaskTimedOutEventAttributes' | 'workflowTaskFailedEventAttributes';
