"""What a user brings: a network, a Lightning module, a training function, a program.

Importing this package costs neither torch nor Ray.
"""

from __future__ import annotations

from trainables.programs.find import ASK, Form, Program, command_program, program_of

__all__ = ["ASK", "Form", "Program", "command_program", "program_of"]
