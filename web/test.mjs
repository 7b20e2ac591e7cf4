// Bundles the tests, since node does not read TypeScript, and gives them to node's own runner.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const tests = fileURLToPath(new URL('./test/', import.meta.url));
const out = fileURLToPath(new URL('./node_modules/.tests/', import.meta.url));
const names = readdirSync(tests).filter((name) => name.endsWith('.test.ts'));
await build({
  entryPoints: names.map((name) => tests + name),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'warning',
});
const run = spawnSync(process.execPath, ['--test', ...names.map((name) => out + name.replace(/\.ts$/, '.mjs'))], { stdio: 'inherit' });
process.exit(run.status ?? 1);
