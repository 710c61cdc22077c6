const replacements: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => replacements[character] ?? '');
}

const style = `
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
  h1 { font-size: 1.2rem; } h2 { font-size: 1rem; margin-top: 2rem; }
  .amount { font-size: 2.4rem; font-weight: 600; margin: .2rem 0; }
  .quiet { color: color-mix(in srgb, currentColor 60%, transparent); }
  form { display: inline; }
  button, .button { font: inherit; padding: .5rem 1.1rem; border: 1px solid; border-radius: .5rem; cursor: pointer;
    background: none; color: inherit; text-decoration: none; margin-right: .5rem; }
  button.main { background: #1677ff; border-color: #1677ff; color: #fff; }
  table { border-collapse: collapse; width: 100%; font-size: .85rem; }
  td, th { text-align: left; padding: .25rem .6rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
`;

/** A whole page around `body`, which must already be escaped. Nothing is loaded from elsewhere. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}
