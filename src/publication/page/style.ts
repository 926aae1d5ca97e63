/** The page's style sheet. Colours have a contrast of 4.5 and more against what is behind them, in both schemes. */
export const STYLE = `
:root{--back:#f6f7f8;--card:#fff;--ink:#16191d;--soft:#57606b;--line:#dfe3e7;--accent:#0e7490;--code:#f1f4f6}
@media (prefers-color-scheme:dark){:root{--back:#0f1317;--card:#161b21;--ink:#e8ebee;--soft:#9aa6b2;--line:#29313a;--accent:#67d0e4;--code:#0f1419}}
*{box-sizing:border-box}
html{color-scheme:light dark;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
body{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 3rem}
h1,h2,h3,p,dl,dd{margin:0}
[hidden]{display:none!important}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
h1{display:flex;align-items:center;gap:.6rem;font-size:1.6rem;line-height:1.2;letter-spacing:-.02em}
h1 svg{flex:none;width:2rem;height:2rem;fill:none;stroke:var(--accent);stroke-width:1.75;stroke-linejoin:round}
header p,footer{color:var(--soft)}
header p{margin-top:.5rem}
#search{position:relative;margin-top:1.5rem}
#search label{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
#search input{width:100%;padding:.7rem 6rem .7rem 1rem;border:1px solid var(--line);border-radius:.6rem;background:var(--card);color:inherit;font:inherit;appearance:none}
#search input::placeholder{color:var(--soft);opacity:1}
#count{position:absolute;right:1rem;top:0;line-height:3rem;color:var(--soft);font-size:.875rem;pointer-events:none}
section{margin-top:2rem;content-visibility:auto;contain-intrinsic-size:auto 12rem}
h2{margin-bottom:.6rem;font-size:1.1rem;line-height:1.3;overflow-wrap:anywhere}
section>div{border:1px solid var(--line);border-radius:.6rem;background:var(--card);overflow:hidden}
details:not([hidden])~details{border-top:1px solid var(--line)}
summary{display:grid;grid-template-columns:minmax(0,1fr) 11.5rem 9.5rem 6.5rem 5rem 1rem;gap:0 1rem;align-items:baseline;padding:.7rem 1rem;cursor:pointer;list-style:none}
summary:focus-visible{outline-offset:-3px;border-radius:.6rem}
summary::-webkit-details-marker{display:none}
summary::after{content:"";width:.45rem;height:.45rem;align-self:center;justify-self:end;border:solid var(--soft);border-width:0 2px 2px 0;transform:translateY(-.15rem) rotate(45deg)}
[open]>summary::after{transform:translateY(.1rem) rotate(225deg)}
summary:hover b{color:var(--accent)}
summary b{font-weight:600;overflow-wrap:anywhere}
summary span,summary code{color:var(--soft);font-size:.9rem}
summary code{grid-area:1/3;padding:0;font-size:.8rem}
summary :nth-child(4){text-align:right;font-variant-numeric:tabular-nums}
details>div{padding:.25rem 1rem 1.1rem}
h3{margin:.75rem 0 .4rem;font-size:.8rem;font-weight:600;color:var(--soft)}
details p{display:flex;align-items:flex-start;gap:.5rem;background:var(--code);border-radius:.4rem;padding:.4rem .4rem .4rem .75rem}
details p+p{margin-top:.4rem}
code{flex:1;min-width:0;padding:.2rem 0;font:.8rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-variant-ligatures:none;word-break:break-all}
button{flex:none;order:1;min-width:4.5rem;padding:.2rem .6rem;border:1px solid var(--line);border-radius:.35rem;background:var(--card);color:var(--ink);font:inherit;font-size:.85rem;cursor:pointer}
button:hover{border-color:var(--accent);color:var(--accent)}
dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.4rem 1rem;align-items:baseline;margin-top:1.1rem;font-size:.9rem}
dt{color:var(--soft)}
dd{overflow-wrap:anywhere}
dd p{background:none;padding:0}
dd code{padding:0}
#none{margin-top:2rem;color:var(--soft)}
footer{margin-top:3rem;padding-top:1.25rem;border-top:1px solid var(--line);font-size:.9rem}
@media (max-width:40rem){
body{padding-top:1.5rem}
h1{font-size:1.35rem}
summary{grid-template-columns:minmax(0,1fr) auto 1rem}
summary b{grid-area:1/1}
summary :nth-child(2){grid-area:2/1}
summary :nth-child(3){grid-area:2/2;text-align:right}
summary :nth-child(4){grid-area:1/2}
summary code{grid-area:3/1}
summary::after{grid-area:1/3;align-self:start;margin-top:.5rem}
details p{display:block}
button{float:right;margin:0 0 .2rem .4rem}
dl{grid-template-columns:minmax(0,1fr);gap:0}
dd{margin-bottom:.5rem}
}
`
