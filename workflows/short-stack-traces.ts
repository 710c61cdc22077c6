/**
 * Loaded once into the sandbox of workflows, before any of them (`preloadModules` of the bundler). For every promise
 * of a workflow the SDK takes a stack trace, through the source map, for the UI's "call stack"; that was a third of
 * what a workflow costs. Errors keep the place they come from; what a payment waits for is told by its details.
 */
Error.stackTraceLimit = 3;
