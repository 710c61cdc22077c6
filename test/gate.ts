/** Holds whoever awaits `passed` until it is opened: a test decides when, and no clock does. */
export class Gate {
  open!: () => void;
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}
