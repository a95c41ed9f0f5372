// What a person can do to an alert and what each act asks for. The server says which of them are
// allowed now; this table only knows how to ask. The first that is `next` is the one to do now;
// what is `rare` stands back.
export const ACTIONS = {
  sign: { next: true },
  note: { text: 'required' },
  submit: { next: true, text: 'required', evidence: true },
  close: { next: true, text: 'optional', verdict: true },
  reject: { text: 'required' },
  return: { text: 'required' },
  extend: { text: 'required' },
  reopen: { text: 'required' },
  duplicate: { text: 'required', rare: true },
  false_alarm: { text: 'required', rare: true, danger: true }
}

export const VERDICTS = ['solved', 'not_solved']

/** The allowed acts that this page can ask for, in the order of the table. */
export function knownActions(allowed) {
  return Object.keys(ACTIONS).filter((name) => allowed?.includes(name))
}

/** Evidence fields come as plain words or as {name, label}; always the latter here. */
export function evidenceFields(life) {
  return (life?.evidence || []).map((one) =>
    typeof one === 'string'
      ? { name: one, label: one }
      : { ...one, label: one.label || one.name }
  )
}
