/** The borders of the house: docs/architecture.md says why each stands where it does. */
const only = (from, allowed, npm) => ({
  name: `${from}-imports-only-what-it-may`,
  severity: 'error',
  from: { path: `^${from}/` },
  to: {
    pathNot: [`^${from}/`, ...allowed, ...npm.map((name) => `node_modules/${name}/`), '^node:', '^[a-z_/]+$'],
  },
});
const never = (name, from, to, extra = {}) => ({ name, severity: 'error', from, to: { path: to, ...extra } });

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: ['\\.config\\.', '^workflows/short-stack-traces', '^scripts/bootstrap', '^\\.', '^test/'],
      },
      to: {},
    },
    {
      name: 'domain-is-pure',
      severity: 'error',
      from: { path: '^domain/' },
      to: { pathNot: '^domain/' },
    },
    {
      name: 'workflows-by-value',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        pathNot: ['^domain/', '^workflows/', 'node_modules/@temporalio/(workflow|common)/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    never(
      'workflows-know-activities-by-type',
      { path: '^workflows/' },
      '^(db|providers|api|worker|config|sandbox|scripts)/',
    ),
    never('activities-borders', { path: '^activities/' }, '^(workflows|api|worker|config|sandbox|scripts)/'),
    never('activities-know-no-single-provider', { path: '^activities/' }, '^providers/[^/]+/'),
    never('providers-know-each-other-not', { path: '^providers/([^/]+)/' }, '^providers/(?!$1/)[^/]+/'),
    never(
      'providers-borders',
      { path: '^providers/' },
      '^(db|config|api|worker|workflows|activities|sandbox|scripts)/',
    ),
    never(
      'db-borders',
      { path: '^db/' },
      '^(providers|config|api|worker|workflows|activities|sandbox|scripts)/',
    ),
    never('api-borders', { path: '^api/' }, '^(activities|worker|sandbox|scripts)/'),
    never('api-knows-no-workflow-function', { path: '^api/' }, '^workflows/(?!contract)'),
    never('worker-borders', { path: '^worker/' }, '^(api|sandbox|scripts)/'),
    never(
      'config-borders',
      { path: '^config/' },
      '^(db|providers|api|worker|workflows|activities|sandbox|scripts)/',
    ),
    never(
      'sandbox-imports-nothing-of-ours',
      { path: '^sandbox/' },
      '^(domain|db|providers|config|api|worker|workflows|activities|scripts|bench)/',
    ),
    never('scripts-parts-know-no-command', { path: '^scripts/[^/]+/' }, '^scripts/[^/]+\\.ts$'),
    never('scripts-stand-on-set-up', { path: '^scripts/set-up/' }, '^scripts/(?!set-up/)'),
    {
      name: 'only-db-uses-knex',
      severity: 'error',
      from: { path: '^(?!db/|bench/|scripts/|test/)' },
      to: { path: 'node_modules/(knex|pg)/', dependencyTypesNot: ['type-only'] },
    },
    never(
      'product-knows-no-tests',
      { path: '^(domain|workflows|activities|providers|db|worker|api|config|sandbox)/' },
      '^(test|bench|scripts)/',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|node_modules/(?!.*))' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs'],
    },
  },
};
