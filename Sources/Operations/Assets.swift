/// The two files that pages load, both from here.
enum Assets {
    static let style = """
        :root { color-scheme: light dark; --ground: #fbfaf8; --raised: #fff; --ink: #1d1f21; --soft: #5b6166;
          --line: #dcd9d3; --accent: #0b5cad; --good: #1b6e3c; --warn: #8a5300; --bad: #b3261e; --fill: #cfe2f5; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #16181a; --raised: #1f2225; --ink: #e8e6e3; --soft: #a5abb1; --line: #383c40;
            --accent: #7db8f2; --good: #6fcf97; --warn: #f2b35e; --bad: #ff8a80; --fill: #274566; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        a { color: var(--accent); } a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible {
          outline: 3px solid var(--accent); outline-offset: 2px; }
        .skip { position: absolute; left: -999rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--raised); padding: .5rem; z-index: 1; }
        header { border-bottom: 1px solid var(--line); background: var(--raised); }
        header > div, main, footer { max-width: 72rem; margin: 0 auto; padding: .75rem 1rem; }
        header strong { margin-right: 1rem; }
        nav { display: inline; } nav a { display: inline-block; padding: .25rem .5rem; text-decoration: none; border-radius: .25rem; }
        nav a[aria-current] { background: var(--fill); font-weight: 600; }
        h1 { font-size: 1.5rem; margin: .5rem 0 1rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; padding: 0; margin: 0; list-style: none; }
        .cards li { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
        .cards b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        .cards span, .soft, caption, footer { color: var(--soft); font-size: .875rem; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
        caption { text-align: left; padding: .25rem 0; }
        th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
        td { max-width: 24rem; } td > a { display: inline-block; min-width: 7rem; } td:not(.n) { min-width: 3.75rem; } th, td time { white-space: nowrap; } figure { margin: 1rem 0; }
        th { font-size: .875rem; color: var(--soft); font-weight: 600; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .good, .warn, .bad { font-weight: 600; }
        form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin: 0 0 1rem; }
        label { display: block; font-size: .875rem; color: var(--soft); }
        input, select, button { font: inherit; padding: .4rem .6rem; border: 1px solid var(--soft); border-radius: .25rem; background: var(--raised); color: var(--ink); max-width: 100%; }
        button { background: var(--accent); border-color: var(--accent); color: var(--ground); font-weight: 600; cursor: pointer; }
        pre { background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; }
        ol.time { list-style: none; padding-left: 1rem; border-left: 3px solid var(--fill); } ol.time li { margin: 0 0 .6rem; overflow-wrap: anywhere; }
        ol.time time { color: var(--soft); font-size: .875rem; display: block; }
        svg { width: 100%; height: auto; background: var(--raised); border: 1px solid var(--line); border-radius: .5rem; }
        svg text { fill: var(--soft); font-size: 12px; } svg .bar { fill: var(--accent); } svg .bar2 { fill: var(--bad); }
        svg .curve { fill: none; stroke: var(--accent); stroke-width: 2; } svg .axis { stroke: var(--line); } svg .mark { fill: var(--accent); } svg .marklate { fill: var(--bad); }
        .more { margin: 1rem 0; } @media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }

        """

    /// Keeps what has `data-live` fresh, without moving the reader: the page works as well without it.
    static let script = """
        "use strict";
        (function () {
          var area = document.querySelector("[data-live]");
          if (!area) { return; }
          var seconds = Math.max(2, Number(area.getAttribute("data-live")) || 10);
          var note = document.getElementById("fresh");
          function refresh() {
            if (document.hidden) { return; }
            fetch(location.href, { credentials: "same-origin" }).then(function (answer) {
              if (!answer.ok) { throw new Error(answer.status); }
              return answer.text();
            }).then(function (text) {
              var found = new DOMParser().parseFromString(text, "text/html").querySelector("[data-live]");
              if (found && found.innerHTML !== area.innerHTML && !area.contains(document.activeElement)) {
                area.replaceChildren.apply(area, Array.prototype.slice.call(found.childNodes));
              }
              if (note) { note.textContent = "Live"; }
            }).catch(function () {
              if (note) { note.textContent = "The daemon does not answer; what you see is from before."; }
            });
          }
          setInterval(refresh, seconds * 1000);
        }());

        """
}
