/** The page's only style sheet; its hash stands in the Content-Security-Policy. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5a6675;--line:#dde3ea;--ground:#fbfcfd;--card:#fff;--code:#f2f5f8;--get:#0b6e4f;--post:#1f5fbf;--put:#9a5b00;--warn:#a12a2a}
@media (prefers-color-scheme:dark){:root{--ink:#e3e9f0;--soft:#97a4b3;--line:#2b3542;--ground:#10151c;--card:#161d26;--code:#0c1117;--get:#4ec9a0;--post:#79aef5;--put:#e0a45a;--warn:#f08a8a}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
.page{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:78rem;margin:0 auto}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:2rem 1rem 2rem 1.5rem;font-size:.875rem}
nav h2{margin:1.25rem 0 .25rem;font-size:.75rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft)}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:block;padding:.2rem 0;color:inherit;text-decoration:none}
nav a:hover,nav a:focus-visible{text-decoration:underline}
main{padding:2rem 1.5rem 6rem;min-width:0}
h1{margin:0 0 .25rem;font-size:1.9rem;letter-spacing:-.01em}
h2.tag{margin:3rem 0 1rem;font-size:1.3rem}
h4{margin:1.25rem 0 .4rem;font-size:.75rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft)}
p{margin:.4rem 0;max-width:68ch}
a{color:var(--post)}
.soft{color:var(--soft)}
article{margin:0 0 1.25rem;padding:1.1rem 1.25rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
article h3{margin:0;font-size:1.05rem;font-weight:600}
.route{display:flex;flex-wrap:wrap;gap:.6rem;align-items:baseline;margin:.35rem 0 .5rem;font:.92rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
.method{font-weight:700;text-transform:uppercase}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}
table{width:100%;border-collapse:collapse;font-size:.9rem}
td,th{padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
tr:first-child>*{border-top:0}
th{font-weight:500;white-space:nowrap}
td{overflow-wrap:anywhere}
code,pre{font:.86rem/1.5 ui-monospace,monospace}
pre{margin:.3rem 0;padding:.75rem .9rem;background:var(--code);border:1px solid var(--line);border-radius:8px;overflow:auto}
details{margin:.3rem 0}
summary{cursor:pointer}
.required{color:var(--warn);font-size:.8rem}
.status{font:600 .9rem ui-monospace,monospace}
@media (max-width:52rem){.page{display:block}nav{position:static;max-height:none;padding-bottom:0}main{padding-top:1rem}}
`;
