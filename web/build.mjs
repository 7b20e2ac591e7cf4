// Writes the page's files into out/web of the checkout, each plain and packed: the server embeds the packed ones.
import { build } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = new URL('./', import.meta.url);
const out = new URL('../out/web/', import.meta.url);

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  entryPoints: { app: fileURLToPath(new URL('src/main.tsx', here)) },
  outdir: fileURLToPath(out),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg'])
  await writeFile(new URL(name, out), await readFile(new URL(`static/${name}`, here)));

let total = 0;
for (const name of (await readdir(out)).sort()) {
  // Node writes neither name nor time into the header, so the same input gives the same bytes.
  const packed = gzipSync(await readFile(new URL(name, out)), { level: 9 });
  await writeFile(new URL(`${name}.gz`, out), packed);
  total += packed.length;
  console.log(`${name}: ${packed.length} bytes packed`);
}
console.log(`all: ${total} bytes packed`);
