const shapes = {
  alert: "M12 8v5m0 3.5v.01M10.3 3.9 2.4 17.5A2 2 0 0 0 4.1 20.5h15.8a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0Z",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h10v11H9zM5 15V4h10",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  info: "M12 11v5m0-8.5v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  key: "M14.5 9.5a4.5 4.5 0 1 0-4.2 4.49L12 15.7V18h2.3v2.3H20v-3.2l-5.8-5.8a4.5 4.5 0 0 0 .3-1.8ZM8.5 8v.01",
  plug: "M9 3v5m6-5v5M6 8h12v3a6 6 0 0 1-12 0V8Zm6 9v4",
  plus: "M12 5v14M5 12h14",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20 20",
  shield: "M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6l7-3Z",
} as const;

export type IconName = keyof typeof shapes;

/** A small line drawing beside words; it says nothing on its own. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={shapes[name]} />
    </svg>
  );
}

/** Two sockets and the cable between them. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <path class="mark-cable" d="M10 11v4c0 4 2.5 6 6 6s6 1.5 6 5" />
      <circle class="mark-socket" cx="10" cy="9" r="4.5" />
      <circle class="mark-socket" cx="22" cy="9" r="4.5" />
    </svg>
  );
}
