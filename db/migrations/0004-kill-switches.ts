import type { Knex } from 'knex';

/** Switches that stop new charges; each names what it stops, and what it does not name it stops everywhere. */
export async function up(knex: Knex, appRole: string): Promise<void> {
  await knex.raw(killSwitches);
  await knex.raw(grants.replaceAll(':role', `"${appRole}"`));
}

const killSwitches = /* sql */ `
CREATE TABLE kill_switches (
  id text PRIMARY KEY,
  merchant_id text, mode text, provider text, method text,
  operation text CHECK (operation IN ('authorize', 'sale', 'mandate_charge')),
  reason text NOT NULL, thrown_by text NOT NULL, thrown_at timestamptz NOT NULL DEFAULT now(),
  lifted_by text, lifted_at timestamptz,
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode),
  CHECK ((merchant_id IS NULL) = (mode IS NULL)),
  CHECK (num_nonnulls(merchant_id, provider, method, operation) > 0),
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
CREATE INDEX kill_switches_on ON kill_switches (thrown_at) WHERE lifted_at IS NULL;

-- One place that says what a switch stops; a null in a switch stands for everything.
CREATE FUNCTION is_stopped(of_merchant text, of_mode text, of_provider text, of_method text, of_operation text)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT EXISTS (
    SELECT FROM kill_switches s
     WHERE s.lifted_at IS NULL
       AND (s.merchant_id IS NULL OR (s.merchant_id = of_merchant AND s.mode = of_mode))
       AND (s.provider IS NULL OR s.provider = of_provider)
       AND (s.method IS NULL OR s.method = of_method)
       AND (s.operation IS NULL OR s.operation = of_operation))
$$;
`;

/** A switch is lifted, never taken away: it stays as a record of itself. */
const grants = /* sql */ `
GRANT SELECT, INSERT ON kill_switches TO :role;
GRANT UPDATE (lifted_by, lifted_at) ON kill_switches TO :role;
`;
