// The commands, by name. Others may run them: their names do not change.

export const COMMANDS = {
  showPanel: "mechwidget:show-panel",
  newWorkbench: "mechwidget:new-workbench",
  undo: "mechwidget:undo",
  redo: "mechwidget:redo",
  detach: "mechwidget:detach",
  compare: "mechwidget:compare-recipes",
  openAsJson: "mechwidget:open-as-json",
} as const;
