# Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Compiled x86-64 functions as the disassembler prints them, and their loops.
#
# Loops are found in the graph of basic blocks, not by the addresses between a jump
# and its target: compilers move blocks out of a loop's way, and those count too.
import collections
import re
import subprocess

TOOLS = "/usr/lib/llvm-22/bin/"

Instruction = collections.namedtuple("Instruction", "address mnemonic operands")


def functions(path):
    """Yields (name, [Instruction]) of every function with code."""
    text = subprocess.run(
        [TOOLS + "llvm-objdump", "-d", "--no-show-raw-insn", "--no-leading-headers", path],
        check=True, capture_output=True, text=True).stdout
    name, body = None, []
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        code = re.match(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line)
        if head:
            if body:
                yield name, body
            name, body = head.group(1), []
        elif code and name:
            operands = split_operands(code.group(3).split(" # ")[0])
            body.append(Instruction(int(code.group(1), 16), code.group(2), operands))
    if body:
        yield name, body


def split_operands(text):
    """At commas outside of parentheses: `8(%rax,%rcx), %ymm1` has two."""
    return tuple(part.strip() for part in re.findall(r"(?:[^,(]|\([^)]*\))+", text))


def kernel_symbols(path):
    """Symbols of the kernels of a model's object: the tables of its ISAs, one after another."""
    text = subprocess.run([TOOLS + "llvm-readelf", "-r", "-W", path],
                          check=True, capture_output=True, text=True).stdout
    tables = text.partition("'.rela.data.rel.ro.sinter'")[2].partition("\nRelocation section")[0]
    found = re.findall(r"^([0-9a-f]{16}) .* (sinter_k_\w+) \+ 0$", tables, re.M)
    return [symbol for _, symbol in sorted(found)]


def vector_register(operand):
    """(number, width) of a vector register: (`7`, `y`) for %ymm7 with or without a mask."""
    match = re.match(r"%([xyz])mm(\d+)", operand)
    return (match.group(2), match.group(1)) if match else (None, None)


def innermost_loops(body):
    """Instructions of each loop that has no other loop inside, in order of address."""
    starts, successors = basic_blocks(body)
    ends = starts[1:] + [len(body)]
    loops = natural_loops(successors)
    for header, blocks in loops.items():
        if not any(other != header and other in blocks for other in loops):
            yield [i for block in sorted(blocks) for i in body[starts[block]:ends[block]]]


def basic_blocks(body):
    """First instruction of each block, and the blocks that may follow it."""
    place = {instruction.address: i for i, instruction in enumerate(body)}

    def target(instruction):
        match = re.match(r"0x([0-9a-f]+)", (instruction.operands + ("",))[0])
        return place.get(int(match.group(1), 16)) if match else None

    leaders = {0}
    for i, instruction in enumerate(body):
        if instruction.mnemonic.startswith(("j", "ret")):
            leaders |= {i + 1, target(instruction)}
    starts = sorted(i for i in leaders if i is not None and i < len(body))
    block_at = {start: block for block, start in enumerate(starts)}
    successors = []
    for block, start in enumerate(starts):
        end = starts[block + 1] if block + 1 < len(starts) else len(body)
        last, after = body[end - 1], []
        if last.mnemonic.startswith("j") and target(last) is not None:
            after.append(block_at[target(last)])
        if not last.mnemonic.startswith(("jmp", "ret")) and end < len(body):
            after.append(block_at[end])
        successors.append(after)
    return starts, successors


def natural_loops(successors):
    """Blocks of each loop by its header: those that reach it again without leaving its reach."""
    order = reverse_postorder(successors)
    predecessors = collections.defaultdict(list)
    for block in order:
        for after in successors[block]:
            predecessors[after].append(block)
    number = {block: i for i, block in enumerate(order)}
    above = dominators(order, number, predecessors)
    loops = {}
    for block in order:
        for header in successors[block]:
            if not dominates(header, block, above, number):
                continue
            blocks, work = loops.setdefault(header, {header}), [block]
            while work:
                inside = work.pop()
                if inside not in blocks:
                    blocks.add(inside)
                    work += predecessors[inside]
    return loops


def reverse_postorder(successors):
    order, seen, stack = [], {0}, [(0, iter(successors[0]))]
    while stack:
        block, rest = stack[-1]
        after = next((b for b in rest if b not in seen), None)
        if after is None:
            order.append(block)
            stack.pop()
        else:
            seen.add(after)
            stack.append((after, iter(successors[after])))
    return order[::-1]


def dominators(order, number, predecessors):
    """Immediate dominators, by Cooper, Harvey and Kennedy's iteration."""
    above, changed = {order[0]: order[0]}, True
    while changed:
        changed = False
        for block in order[1:]:
            known = [p for p in predecessors[block] if p in above]
            best = known[0]
            for other in known[1:]:
                while other != best:
                    if number[other] > number[best]:
                        other = above[other]
                    else:
                        best = above[best]
            if above.get(block) != best:
                above[block], changed = best, True
    return above


def dominates(header, block, above, number):
    while number[block] > number[header]:
        block = above[block]
    return block == header
