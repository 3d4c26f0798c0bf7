/** The form of a new job, made from what the desk says of its workflows. */

import { el, icon, setText } from './dom.js';
import { BadField, fieldFor } from './fields.js';
import { keep, read } from './identity.js';
import { Picker } from './picker.js';
import { counted, refusalWords } from './words.js';

const LAST = 'jigdesk.workflow';

export class JobForm {
  /** `send({workflow, title, params, inputs})` makes a job; it raises what the API refuses. */
  constructor(form, send) {
    this.form = form;
    this.send = send;
    this.workflows = [];
    this.fields = [];
    this.pickers = [];
    this.busy = false;
    this.select = el('select', { id: 'workflow', on: { change: () => this.choose() } });
    this.about = el('p', { class: 'about' });
    this.body = el('div', { class: 'fields' });
    this.wrong = el('p', { class: 'wrong', role: 'alert', hidden: true });
    this.verb = el('span', { text: 'Send job' });
    this.submit = el('button', { type: 'submit', class: 'button primary' }, icon('send'), this.verb);
    form.append(
      el('p', { class: 'quiet', text: 'Asking the desk what it can do…' }),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.go();
    });
  }

  /** Show these workflows; what is written already stays when its workflow is still there. */
  offer(items) {
    const known = items.filter(isWorkflow);
    if (JSON.stringify(known) === JSON.stringify(this.workflows) && this.drawn) return;
    this.workflows = known;
    this.drawn = true;
    if (known.length === 0) {
      this.form.replaceChildren(
        el('p', { class: 'quiet', text: 'The desk offers no workflow now. Look again in a while.' }),
      );
      return;
    }
    const wanted = this.select.value || read(LAST);
    this.select.replaceChildren(
      ...known.map((item) =>
        el('option', { value: item.name, text: titleOf(item), selected: item.name === wanted }),
      ),
    );
    this.form.replaceChildren(
      el(
        'div',
        { class: 'field' },
        el('div', { class: 'field-head' }, el('label', { for: 'workflow', text: 'Workflow' })),
        this.select,
        this.about,
      ),
      this.body,
      this.wrong,
      this.submit,
    );
    this.choose();
  }

  /** Put files into the picker at `target`, else into the first one. */
  take(files, target) {
    const picker = this.pickers.find((item) => item.element.contains(target)) ?? this.pickers[0];
    picker?.add(files);
  }

  /** Open the file dialog of the first picker. */
  browse() {
    this.pickers[0]?.input.click();
  }

  choose() {
    const workflow = this.workflows.find((item) => item.name === this.select.value);
    if (workflow === undefined) return;
    keep(LAST, workflow.name);
    setText(this.about, typeof workflow.description === 'string' ? workflow.description : '');
    this.complain('');
    const kept = this.pickers.map((picker) => picker.files);
    const inputs = Array.isArray(workflow.inputs) ? workflow.inputs.filter(isInput) : [];
    for (const picker of this.pickers) picker.clear();
    this.pickers = inputs.map(
      (input) =>
        new Picker({
          name: input.name,
          kind: input.kind,
          maxBytes: Number.isSafeInteger(input.max_bytes) ? input.max_bytes : null,
          many: inputs.length === 1,
          isOnly: inputs.length === 1,
          changed: () => this.count(),
        }),
    );
    const schema = workflow.params ?? {};
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    this.fields = Object.entries(schema.properties ?? {})
      .map(([name, property]) => fieldFor(name, property, required.has(name)))
      .filter((field) => field !== null);
    this.body.replaceChildren(
      ...this.pickers.map((picker) => picker.element),
      ...this.fields.map((field) => field.element),
    );
    this.pickers.forEach((picker, index) => kept[index]?.length && picker.add(kept[index]));
    this.count();
  }

  async go() {
    if (this.busy || !this.check()) return;
    const workflow = this.workflows.find((item) => item.name === this.select.value);
    const params = {};
    for (const field of this.fields) {
      const value = field.read();
      if (value !== undefined) params[field.name] = value;
    }
    this.setBusy(true);
    try {
      for (const inputs of this.loads()) {
        await this.send({ workflow: workflow.name, title: titleOf(workflow), params, inputs });
        const [picker] = this.pickers;
        if (picker?.many) picker.drop(picker.chosen[0]); // what is sent is not sent twice
      }
      for (const picker of this.pickers) picker.clear();
    } catch (error) {
      for (const picker of this.pickers) picker.draw();
      this.refuse(error);
    }
    this.setBusy(false);
  }

  /** What each job takes: a list of maps from an input's name to its file. */
  loads() {
    const [picker] = this.pickers;
    if (picker?.many) return picker.files.map((file) => ({ [picker.name]: file }));
    return [Object.fromEntries(this.pickers.map((item) => [item.name, item.files[0]]))];
  }

  /** Complain about everything that is wrong, and go to the first of it. */
  check() {
    this.complain('');
    let first = null;
    for (const picker of this.pickers) {
      if (picker.files.length) continue;
      picker.complain('Choose a file first.');
      first ??= picker.input;
    }
    for (const field of this.fields) {
      try {
        field.read();
      } catch (error) {
        if (!(error instanceof BadField)) throw error;
        field.complain(error.message);
        first ??= field.control;
      }
    }
    first?.focus();
    return first === null;
  }

  /** Say what the API refused, beside the field that it names where there is one. */
  refuse(error) {
    const words = refusalWords(error);
    const name = /\b(params|inputs)\.([^.[\]]+)$/.exec(error.field ?? '');
    const field = this.fields.find((item) => name?.[1] === 'params' && item.name === name[2]);
    const picker = this.pickers.find((item) => name?.[1] === 'inputs' && item.name === name[2]);
    const place = field ?? picker;
    if (place === undefined) {
      this.complain(words);
      return;
    }
    place.complain(words);
    (field?.control ?? picker.input).focus();
  }

  complain(text) {
    setText(this.wrong, text);
    this.wrong.hidden = text === '';
  }

  setBusy(busy) {
    this.busy = busy;
    this.submit.disabled = busy;
    this.count();
  }

  count() {
    const jobs = this.pickers[0]?.many ? this.pickers[0].files.length : 1;
    if (this.busy) setText(this.verb, 'Sending…');
    else setText(this.verb, jobs > 1 ? `Send ${counted(jobs, 'job')}` : 'Send job');
  }
}

function titleOf(workflow) {
  return typeof workflow.title === 'string' && workflow.title ? workflow.title : workflow.name;
}

function isWorkflow(item) {
  return typeof item === 'object' && item !== null && typeof item.name === 'string';
}

function isInput(item) {
  return typeof item === 'object' && item !== null && typeof item.name === 'string';
}
