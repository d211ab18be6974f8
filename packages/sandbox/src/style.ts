/** The style sheet of all pages; served as a file of its own because the pages' policy allows no inline style. */
export const style = `
:root { color-scheme: light dark; --ground: #f3f1ec; --card: #fff; --ink: #22201c; --soft: #625d54; --line: #d9d4c9; --accent: #3f5bd6; --on-accent: #fff; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #171614; --card: #22201d; --ink: #f2efe9; --soft: #aaa398; --line: #403c36; --accent: #93a6ff; --on-accent: #12182f; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 27rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; overflow-wrap: anywhere; }
.brand { margin: 0 0 1.25rem; color: var(--soft); font-size: .875rem; letter-spacing: .02em; }
.brand span { display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: 50%; background: var(--accent); }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; }
p { margin: 0 0 1rem; }
ul { margin: 0 0 1.5rem; padding: 0; list-style: none; }
li { padding: .6rem 0; border-bottom: 1px solid var(--line); }
li code, .note { color: var(--soft); font-size: .875rem; }
li code { display: block; }
.choices { display: grid; gap: .75rem; }
.decision { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
button { width: 100%; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .6rem; background: none; color: inherit; font: inherit; text-align: left; cursor: pointer; }
button small { display: block; color: var(--soft); }
button:hover { border-color: var(--accent); }
.decision button { text-align: center; font-weight: 600; }
button.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
button.link { width: auto; padding: .25rem 0; border: 0; color: var(--accent); font-size: .875rem; text-decoration: underline; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
a { color: var(--accent); }
.bad { color: var(--bad); }
form + form { margin-top: 1rem; }
`;
